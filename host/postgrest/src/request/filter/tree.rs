//! Trees of filters: `or=(a.eq.1,not.and(b.lt.2,c.is.null))`.

use turnout_vocabulary::Filter;

use super::{end, field, operators};
use crate::error::Refusal;
use crate::request::cursor::{Cursor, Fault};

/// How deep trees may be nested. The limit keeps a hostile tree from using up the stack; nobody writes deeper trees by hand.
const DEEPEST: usize = 32;

/// The words before the parenthesis of a group.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) negated: bool,
    /// Whether the group is an `or`; otherwise it is an `and`.
    pub(super) any: bool,
}

/// Reads the value of an `and` or `or` parameter named `key`.
pub(super) fn parse(head: Head, key: &str, value: &str) -> Result<Filter, Refusal> {
    let mut cursor = Cursor::new(value);
    group(&mut cursor, head, 1)
        .and_then(|filter| end(&mut cursor).map(|()| filter))
        // PostgREST counts columns from the beginning of the key.
        .map_err(|fault| fault.refuse("logic tree", value, key.len()))
}

fn group(cursor: &mut Cursor, head: Head, depth: usize) -> Result<Filter, Fault> {
    if depth > DEEPEST {
        return Err(cursor.unexpected(&format!("no more than {DEEPEST} nested groups")));
    }
    cursor.skip_blanks();
    cursor.expect("(", r#""(""#)?;
    let mut parts = Vec::new();
    loop {
        cursor.skip_blanks();
        parts.push(match inner_head(cursor) {
            Some(head) => group(cursor, head, depth + 1)?,
            None => leaf(cursor)?,
        });
        cursor.skip_blanks();
        if cursor.eat(")") {
            break;
        }
        cursor.expect(",", r#""," or ")""#)?;
    }
    let filter = if head.any {
        Filter::Any(parts)
    } else {
        Filter::All(parts)
    };
    Ok(if head.negated {
        Filter::Not(Box::new(filter))
    } else {
        filter
    })
}

/// The head of a group, if one comes next. The cursor is then moved to the group's parenthesis.
fn inner_head(cursor: &mut Cursor) -> Option<Head> {
    let mut ahead = cursor.clone();
    let negated = ahead.eat("not.");
    let any = !ahead.eat("and");
    if any && !ahead.eat("or") {
        return None;
    }
    ahead.skip_blanks();
    (ahead.peek() == Some('(')).then(|| {
        *cursor = ahead;
        Head { negated, any }
    })
}

fn leaf(cursor: &mut Cursor) -> Result<Filter, Fault> {
    let start = cursor.clone();
    let field = field::parse(cursor).map_err(|fault| {
        if start.rest() == cursor.rest() {
            start.unexpected("field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)")
        } else {
            fault
        }
    })?;
    cursor.skip_blanks();
    cursor.expect(".", r#"letter, digit, "-", "->>", "->" or delimiter (.)"#)?;
    operators::comparison(cursor, field, operators::Context::Tree)
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{Comparison, Operand, Operator};

    use super::*;
    use crate::error::tests::body;
    use crate::request::query::Query;

    fn read(query: &str) -> Result<Filter, Refusal> {
        crate::request::filter::parse(&Query::parse(query).unwrap(), &mut []).map(|filter| match filter {
            Filter::All(mut parts) if parts.len() == 1 => parts.remove(0),
            other => other,
        })
    }

    fn eq(column: &str, value: &str) -> Filter {
        let operand = Operand::Value(value.into());
        Filter::Compare(Comparison {
            field: column.into(),
            operator: Operator::Eq,
            operand,
        })
    }

    fn not(filter: Filter) -> Filter {
        Filter::Not(Box::new(filter))
    }

    #[test]
    fn trees_are_nested_and_negated() {
        let expected = Filter::Any(vec![
            eq("a", "1"),
            not(Filter::All(vec![eq("b", "2"), not(eq("c", "3"))])),
            Filter::Any(vec![eq("d", "4")]),
        ]);
        assert_eq!(
            read("or=(a.eq.1,not.and(b.eq.2,c.not.eq.3),or(d.eq.4))").unwrap(),
            expected
        );
        assert_eq!(
            read("or=( a.eq.1, not.and ( b.eq.2,c.not.eq.3),or (d.eq.4) )").unwrap(),
            expected
        );
        assert_eq!(read("not.or=(a.eq.1)").unwrap(), not(Filter::Any(vec![eq("a", "1")])));
        assert_eq!(read("not.and=(a.eq.1)").unwrap(), not(Filter::All(vec![eq("a", "1")])));
    }

    #[test]
    fn values_may_be_quoted_or_arrays() {
        let expected = Filter::All(vec![
            eq("a", "(x,y)"),
            eq("b", "{1,2}"),
            eq("c", ""),
            eq("d", "\"q\"r"),
            eq("e", "{1"),
        ]);
        assert_eq!(
            read(r#"and=(a.eq."(x,y)",b.eq.{1,2},c.eq.,d.eq."q"r,e.eq.{1)"#).unwrap(),
            expected
        );
    }

    #[test]
    fn columns_may_be_named_like_operators() {
        let expected = Filter::All(vec![eq("or", "1"), eq("and", "2"), eq("not", "3"), eq("a.b", "4")]);
        assert_eq!(read(r#"and=(or.eq.1,and.eq.2,not.eq.3,"a.b".eq.4)"#).unwrap(), expected);
    }

    #[test]
    fn a_spare_parenthesis_is_overlooked_and_nothing_else_is() {
        assert!(read("and=(id.eq.1,id.eq.2))").is_ok());
        assert_eq!(read("and=(id.eq.1),(id.eq.2)").unwrap_err().code(), "PGRST100");
    }

    #[test]
    fn an_empty_group_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(read("or=()").unwrap_err()),
            r#"{"code":"PGRST100","details":"unexpected \")\" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)","hint":null,"message":"\"failed to parse logic tree (())\" (line 1, column 4)"}"#
        );
    }

    #[test]
    fn a_malformed_tree_is_refused() {
        for query in [
            "or=",
            "or=)(",
            "or=(a.eq.1",
            "or=(a.eq.1,",
            "or=(a)",
            "or=(a.foo.1)",
            "or=(id.in.1,2)",
            "and=(a.is.nulls)",
        ] {
            assert_eq!(read(query).unwrap_err().code(), "PGRST100", "{query}");
        }
    }

    #[test]
    fn trees_are_nested_32_deep_at_most() {
        let nested = |depth: usize| format!("or={}(a.eq.1){}", "(and".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(read(&nested(32)).is_ok());
        assert_eq!(read(&nested(33)).unwrap_err().code(), "PGRST100");
        assert_eq!(read(&nested(100_000)).unwrap_err().code(), "PGRST100");
    }
}
