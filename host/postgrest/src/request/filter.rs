//! Which rows a request touches: one filter a parameter, and trees of them in `and` and `or`.

mod operators;
mod tree;

use turnout_vocabulary::{Field, Filter};

use super::cursor::{Cursor, Fault};
use super::field;
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
            let field = named(key)?;
            let mut cursor = Cursor::new(value);
            operators::comparison(&mut cursor, field, operators::Context::Parameter)
                .and_then(|filter| end(&mut cursor).map(|()| filter))
                .map_err(|fault| fault.refuse("filter", value, 0))
        }
    }
}

/// The column, or the value inside it, that a parameter names. A name before a dot is an embedded table, which is not supported yet.
fn named(key: &str) -> Result<Field, Refusal> {
    let mut cursor = Cursor::new(key);
    match field::parse(&mut cursor) {
        Ok(field) if cursor.at_end() => Ok(field),
        Ok(Field { name, path }) if path.is_empty() && cursor.eat(".") => Err(Refusal::not_embedded(&name)),
        Ok(_) => Err(cursor
            .unexpected("delimiter (.) or end of input")
            .refuse("tree path", key, 0)),
        Err(fault) => Err(fault.refuse("tree path", key, 0)),
    }
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
        assert_eq!(refused("=eq.1").code(), "PGRST100");
        assert_eq!(refused("a;b=eq.1").code(), "PGRST100");
    }
}
