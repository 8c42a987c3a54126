//! Which rows a request touches: one filter a parameter, and trees of them in `and` and `or`.

mod operators;
mod tree;

use turnout_vocabulary::{Field, Filter, Selected};

use super::cursor::{Cursor, Fault};
use super::query::Query;
use super::{embedded, field};
use crate::error::Refusal;

/// Parameters that are not filters.
const RESERVED: [&str; 3] = ["select", "columns", "on_conflict"];

/// The last words of parameters that are not filters, be they of the table or of an embedded one.
const RESERVED_KINDS: [&str; 3] = ["order", "limit", "offset"];

/// Reads every filter of a query. Rows must match all of them: those of the table are returned, those of embedded tables are put where
/// they belong.
pub(super) fn parse(query: &Query, select: &mut [Selected]) -> Result<Filter, Refusal> {
    let mut own = Vec::new();
    let is_filter = |key: &str| !RESERVED.contains(&key) && !RESERVED_KINDS.contains(&embedded::kind(key));
    for (key, value) in query.iter().filter(|(key, _)| is_filter(key)) {
        let (path, filter) = parameter(key, value)?;
        match embedded::at(select, &path)? {
            Some(embed) => match &mut embed.filter {
                Filter::All(parts) => parts.push(filter),
                other => *other = Filter::All(vec![other.clone(), filter]),
            },
            None => own.push(filter),
        }
    }
    Ok(Filter::All(own))
}

/// A query without the arguments of a function, and the arguments: as in PostgREST those parameters whose value begins with no operator
/// and whose name has no dot.
pub(super) fn without_arguments(query: Query) -> (Query, Vec<(String, String)>) {
    let is_other = |key: &str| RESERVED.contains(&key) || RESERVED_KINDS.contains(&key) || matches!(key, "and" | "or");
    query.split(|key, value| is_other(key) || key.contains('.') || operators::begins(value))
}

/// One filter, and the way to the embedded table that it is of.
fn parameter(key: &str, value: &str) -> Result<(Vec<String>, Filter), Refusal> {
    let (mut path, mut rest) = embedded::path(key)?;
    if let name @ ("and" | "or") = rest.rest() {
        let head = tree::Head {
            negated: path.pop_if(|name| name == "not").is_some(),
            any: name == "or",
        };
        return Ok((path, tree::parse(head, key, value)?));
    }
    let field = named(&mut rest).map_err(|fault| fault.refuse("tree path", key, 0))?;
    let mut cursor = Cursor::new(value);
    let filter = operators::comparison(&mut cursor, field, operators::Context::Parameter)
        .and_then(|filter| end(&mut cursor).map(|()| filter))
        .map_err(|fault| fault.refuse("filter", value, 0))?;
    Ok((path, filter))
}

/// The column, or the value inside it, that is all that is left.
fn named(cursor: &mut Cursor) -> Result<Field, Fault> {
    let field = field::parse(cursor)?;
    if cursor.at_end() {
        Ok(field)
    } else {
        Err(cursor.unexpected("delimiter (.) or end of input"))
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
        parse(&Query::parse(query).unwrap(), &mut []).unwrap_err()
    }

    #[test]
    fn all_parameters_but_the_reserved_ones_are_filters() {
        let query = Query::parse("select=id&order=id&limit=1&offset=0&columns=a&on_conflict=a&id=eq.1&or=(a.eq.1)");
        let Filter::All(parts) = parse(&query.unwrap(), &mut []).unwrap() else {
            panic!("not all")
        };
        assert_eq!(parts.len(), 2);
        assert_eq!(parse(&Query::parse("").unwrap(), &mut []).unwrap(), Filter::default());
    }

    #[test]
    fn a_filter_without_operator_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(refused("id=0")),
            r#"{"code":"PGRST100","details":"unexpected \"0\" expecting \"not\" or operator (eq, gt, ...)","hint":null,"message":"\"failed to parse filter (0)\" (line 1, column 1)"}"#
        );
    }

    #[test]
    fn filters_of_embedded_tables_go_where_they_belong() {
        let mut select = crate::request::select::parse("visits:bookings(staff(name))").unwrap();
        let query = "id=eq.1&visits.id=gt.2&bookings.not.or=(a.eq.1,b.eq.2)&bookings.staff.data->>x=is.null";
        let Filter::All(own) = parse(&Query::parse(query).unwrap(), &mut select).unwrap() else {
            panic!("not all")
        };
        assert_eq!(own.len(), 1);
        let visits = Selected::embeds(&select).next().unwrap();
        assert!(
            matches!(&visits.filter, Filter::All(parts) if matches!(parts[..], [Filter::Compare(_), Filter::Not(_)]))
        );
        let staff = Selected::embeds(&visits.select).next().unwrap();
        assert!(matches!(&staff.filter, Filter::All(parts) if parts.len() == 1));
    }

    #[test]
    fn a_filter_of_a_table_that_is_not_embedded_is_refused() {
        assert_eq!(
            body(refused("staff.id=eq.1")),
            r#"{"code":"PGRST108","details":null,"hint":"Verify that 'staff' is included in the 'select' query parameter.","message":"'staff' is not an embedded resource in this request"}"#
        );
        assert_eq!(refused("staff.or=(id.eq.1)").code(), "PGRST108");
        assert_eq!(refused("=eq.1").code(), "PGRST100");
        assert_eq!(refused("a;b=eq.1").code(), "PGRST100");
    }
}
