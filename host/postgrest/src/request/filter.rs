//! Which rows a request touches: one filter a parameter, and trees of them in `and` and `or`.

mod operators;
mod tree;

use turnout_vocabulary::Filter;

use super::cursor::{Cursor, Fault};
use super::query::Query;
use crate::error::Refusal;

/// Parameters that are not filters.
const RESERVED: [&str; 6] = ["select", "columns", "on_conflict", "order", "limit", "offset"];

/// Reads every filter of a query. Rows must match all of them.
pub(super) fn parse(query: &Query) -> Result<Filter, Refusal> {
    let filters = query.iter().filter(|(key, _)| !RESERVED.contains(key));
    Ok(Filter::All(
        filters
            .map(|(key, value)| parameter(key, value))
            .collect::<Result<_, _>>()?,
    ))
}

fn parameter(key: &str, value: &str) -> Result<Filter, Refusal> {
    match key {
        "and" => tree::parse(
            tree::Head {
                negated: false,
                any: false,
            },
            key,
            value,
        ),
        "or" => tree::parse(
            tree::Head {
                negated: false,
                any: true,
            },
            key,
            value,
        ),
        "not.and" => tree::parse(
            tree::Head {
                negated: true,
                any: false,
            },
            key,
            value,
        ),
        "not.or" => tree::parse(
            tree::Head {
                negated: true,
                any: true,
            },
            key,
            value,
        ),
        _ => {
            let column = column(key)?;
            let mut cursor = Cursor::new(value);
            operators::comparison(&mut cursor, column, operators::Context::Parameter)
                .and_then(|filter| end(&mut cursor).map(|()| filter))
                .map_err(|fault| fault.refuse("filter", value, 0))
        }
    }
}

/// The column that a parameter names. A name before a dot is an embedded table, which is not supported yet.
fn column(key: &str) -> Result<String, Refusal> {
    let mut cursor = Cursor::new(key);
    let name = cursor.name().and_then(|name| {
        no_json_path(&cursor)?;
        Ok(name)
    });
    match name {
        Ok(name) if cursor.at_end() => Ok(name),
        Ok(table) if cursor.eat(".") => Err(Refusal::not_embedded(&table)),
        Ok(_) => Err(cursor
            .unexpected("delimiter (.) or end of input")
            .refuse("tree path", key, 0)),
        Err(fault) => Err(fault.refuse("tree path", key, 0)),
    }
}

fn no_json_path(cursor: &Cursor) -> Result<(), Fault> {
    if cursor.rest().starts_with("->") {
        return Err(Fault::unsupported("A JSON path in a filter is not supported yet."));
    }
    Ok(())
}

/// The end of a parameter's value. PostgREST ignores whatever follows; Turnout ignores only superfluous closing parentheses.
fn end(cursor: &mut Cursor) -> Result<(), Fault> {
    cursor.take_while(|c| matches!(c, ')' | ' ' | '\t'));
    if cursor.at_end() {
        Ok(())
    } else {
        Err(cursor.unexpected("end of input"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    fn refused(query: &str) -> Refusal {
        parse(&Query::parse(query).unwrap()).unwrap_err()
    }

    #[test]
    fn all_parameters_but_the_reserved_ones_are_filters() {
        let query = Query::parse("select=id&order=id&limit=1&offset=0&columns=a&on_conflict=a&id=eq.1&or=(a.eq.1)");
        let Filter::All(parts) = parse(&query.unwrap()).unwrap() else {
            panic!("not all")
        };
        assert_eq!(parts.len(), 2);
        assert_eq!(parse(&Query::parse("").unwrap()).unwrap(), Filter::default());
    }

    #[test]
    fn a_filter_without_operator_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(refused("id=0")),
            r#"{"code":"PGRST100","details":"unexpected \"0\" expecting \"not\" or operator (eq, gt, ...)","hint":null,"message":"\"failed to parse filter (0)\" (line 1, column 1)"}"#
        );
    }

    #[test]
    fn an_embedded_table_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(refused("staff.id=eq.1")),
            r#"{"code":"PGRST108","details":null,"hint":"Verify that 'staff' is included in the 'select' query parameter.","message":"'staff' is not an embedded resource in this request"}"#
        );
        assert_eq!(refused("staff.limit=1").code(), "PGRST108");
        assert_eq!(refused("staff.or=(id.eq.1)").code(), "PGRST108");
        assert_eq!(refused("state->>step=eq.1").code(), "PGRST127");
        assert_eq!(refused("=eq.1").code(), "PGRST100");
        assert_eq!(refused("a;b=eq.1").code(), "PGRST100");
    }
}
