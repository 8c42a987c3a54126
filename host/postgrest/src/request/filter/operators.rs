//! The filter operators: the spelling and the operand of each. To add one, add a row to [`OPERATORS`].

use turnout_vocabulary::{Comparison, Field, Filter, IsValue, Operand, Operator, Quantifier, SearchForm};

use crate::request::cursor::{Cursor, Fault};

const OPERATORS: [(&str, Operator); 25] = [
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("like", Operator::Like),
    ("ilike", Operator::Ilike),
    ("match", Operator::Match),
    ("imatch", Operator::Imatch),
    ("in", Operator::In),
    ("is", Operator::Is),
    ("isdistinct", Operator::IsDistinct),
    ("cs", Operator::Contains),
    ("cd", Operator::ContainedIn),
    ("ov", Operator::Overlaps),
    ("sl", Operator::StrictlyLeft),
    ("sr", Operator::StrictlyRight),
    ("nxr", Operator::NotRightOf),
    ("nxl", Operator::NotLeftOf),
    ("adj", Operator::Adjacent),
    ("fts", Operator::Search(SearchForm::Query)),
    ("plfts", Operator::Search(SearchForm::Plain)),
    ("phfts", Operator::Search(SearchForm::Phrase)),
    ("wfts", Operator::Search(SearchForm::Web)),
];

const QUANTIFIERS: [(&str, Quantifier); 2] = [("(any)", Quantifier::Any), ("(all)", Quantifier::All)];

const IS_VALUES: [(&str, IsValue); 5] = [
    ("null", IsValue::Null),
    ("not_null", IsValue::NotNull),
    ("true", IsValue::True),
    ("false", IsValue::False),
    ("unknown", IsValue::Unknown),
];

/// Where a comparison stands. This decides where its value ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// The comparison is the value of a parameter and goes to its end.
    Parameter,
    /// The comparison is in a tree and goes to the next `,` or `)` outside of quotes.
    Tree,
}

/// Reads `operator.value` or `not.operator.value`, the comparison of a field.
pub(super) fn comparison(cursor: &mut Cursor, field: Field, context: Context) -> Result<Filter, Fault> {
    let negated = cursor.eat("not.");
    let (operator, modifier) = operator(cursor, negated)?;
    let text = |cursor: &mut Cursor| match operator {
        // As in PostgREST `*` stands for `%`, so that callers need not encode the percent sign.
        Operator::Like | Operator::Ilike => value(cursor, context).replace('*', "%"),
        _ => value(cursor, context),
    };
    let operand = match (operator, modifier) {
        (Operator::In, _) => Operand::List(list(cursor)?),
        (Operator::Is, _) => Operand::Is(is_value(cursor)?),
        (Operator::Search(_), modifier) => Operand::Words {
            configuration: match modifier {
                Modifier::Configuration(name) => Some(name),
                _ => None,
            },
            text: text(cursor),
        },
        (_, Modifier::Quantifier(quantifier)) => Operand::Several(quantifier, text(cursor)),
        _ => Operand::Value(text(cursor)),
    };
    let compare = Filter::Compare(Comparison {
        field,
        operator,
        operand,
    });
    Ok(if negated {
        Filter::Not(Box::new(compare))
    } else {
        compare
    })
}

/// What stands in parentheses after an operator.
enum Modifier {
    None,
    Quantifier(Quantifier),
    /// The configuration of a text search.
    Configuration(String),
}

fn operator(cursor: &mut Cursor, negated: bool) -> Result<(Operator, Modifier), Fault> {
    let mut ahead = cursor.clone();
    let word = ahead.take_while(|c| c.is_ascii_lowercase());
    let known = OPERATORS.iter().find(|(name, _)| *name == word);
    if let Some((_, operator)) = known
        && let Some(modifier) = modifier(&mut ahead, *operator)
        && ahead.eat(".")
    {
        *cursor = ahead;
        return Ok((*operator, modifier));
    }
    Err(cursor.unexpected(if negated {
        "operator (eq, gt, ...)"
    } else {
        r#""not" or operator (eq, gt, ...)"#
    }))
}

/// What stands in parentheses after an operator, if the operator takes it.
fn modifier(cursor: &mut Cursor, operator: Operator) -> Option<Modifier> {
    if cursor.peek() != Some('(') {
        return Some(Modifier::None);
    }
    match operator {
        Operator::Search(_) => {
            cursor.eat("(");
            let name = cursor.cast().ok()?;
            cursor.eat(")").then_some(Modifier::Configuration(name))
        }
        Operator::Eq
        | Operator::Gt
        | Operator::Gte
        | Operator::Lt
        | Operator::Lte
        | Operator::Like
        | Operator::Ilike
        | Operator::Match
        | Operator::Imatch => {
            let found = QUANTIFIERS.iter().find(|(spelling, _)| cursor.eat(spelling));
            found.map(|(_, quantifier)| Modifier::Quantifier(*quantifier))
        }
        _ => None,
    }
}

/// Whether a text begins with an operator.
pub(super) fn begins(text: &str) -> bool {
    let text = text.strip_prefix("not.").unwrap_or(text);
    let word = text.split(['.', '(']).next().unwrap_or_default();
    word.len() < text.len() && OPERATORS.iter().any(|(name, _)| *name == word)
}

fn value(cursor: &mut Cursor, context: Context) -> String {
    match context {
        Context::Parameter => cursor.take_while(|_| true).to_owned(),
        Context::Tree => array(cursor).unwrap_or_else(|| cursor.element()),
    }
}

/// An array in braces. The commas in it do not end the value.
fn array(cursor: &mut Cursor) -> Option<String> {
    let end = cursor.rest().strip_prefix('{')?.find(['{', '}'])? + 1;
    if !cursor.rest()[end..].starts_with('}') {
        return None;
    }
    let text = &cursor.rest()[..=end];
    cursor.eat(text);
    Some(text.to_owned())
}

/// Values between parentheses and commas. As in PostgREST one empty value is an empty list.
fn list(cursor: &mut Cursor) -> Result<Vec<String>, Fault> {
    cursor.skip_blanks();
    cursor.expect("(", r#""(""#)?;
    cursor.skip_blanks();
    let mut values = vec![cursor.element()];
    while cursor.eat(",") {
        values.push(cursor.element());
    }
    cursor.expect(")", r#""," or ")""#)?;
    if values == [""] {
        values.clear();
    }
    Ok(values)
}

fn is_value(cursor: &mut Cursor) -> Result<IsValue, Fault> {
    let mut ahead = cursor.clone();
    let word = ahead.take_while(|c| c.is_alphanumeric() || c == '_');
    let Some((_, value)) = IS_VALUES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) else {
        return Err(cursor.unexpected("isVal: (null, not_null, true, false, unknown)"));
    };
    *cursor = ahead;
    Ok(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter, Fault> {
        comparison(&mut Cursor::new(text), "c".into(), Context::Parameter)
    }

    fn compare(operator: Operator, operand: Operand) -> Filter {
        Filter::Compare(Comparison {
            field: "c".into(),
            operator,
            operand,
        })
    }

    #[test]
    fn operators_take_a_value_to_the_end() {
        for (text, operator, value) in [
            ("eq.a.b,c)", Operator::Eq, "a.b,c)"),
            ("eq.", Operator::Eq, ""),
            (r#"neq."quoted""#, Operator::Neq, r#""quoted""#),
            ("gt.1", Operator::Gt, "1"),
            (
                "gte.2026-01-01T00:00:00+03:00",
                Operator::Gte,
                "2026-01-01T00:00:00+03:00",
            ),
            ("lt.-1", Operator::Lt, "-1"),
            ("lte.1e3", Operator::Lte, "1e3"),
            ("like.*Ив_*", Operator::Like, "%Ив_%"),
            ("ilike.100%", Operator::Ilike, "100%"),
        ] {
            assert_eq!(
                read(text),
                Ok(compare(operator, Operand::Value(value.into()))),
                "{text}"
            );
        }
    }

    #[test]
    fn not_negates() {
        let inner = compare(Operator::Eq, Operand::Value("not.eq.1".into()));
        assert_eq!(read("not.eq.not.eq.1"), Ok(Filter::Not(Box::new(inner))));
    }

    #[test]
    fn a_list_has_quoting() {
        for (text, values) in [
            ("in.(1,2)", vec!["1", "2"]),
            (
                r#"in.("a,b","c\"d\\",e"f,g "h")"#,
                vec!["a,b", "c\"d\\", "e\"f", "g \"h\""],
            ),
            ("in.( 1, 2 )", vec!["1", " 2 "]),
            (r#"in.("a"b,c)"#, vec!["\"a\"b", "c"]),
            ("in.()", vec![]),
            ("in.(,)", vec!["", ""]),
        ] {
            let list = Operand::List(values.into_iter().map(Into::into).collect());
            assert_eq!(read(text), Ok(compare(Operator::In, list)), "{text}");
        }
    }

    #[test]
    fn is_asks_for_null_or_truth_in_any_case() {
        for (text, value) in [
            ("is.null", IsValue::Null),
            ("is.NoT_NuLl", IsValue::NotNull),
            ("is.TRUE", IsValue::True),
            ("is.false", IsValue::False),
            ("is.unknown", IsValue::Unknown),
        ] {
            assert_eq!(read(text), Ok(compare(Operator::Is, Operand::Is(value))), "{text}");
        }
    }

    #[test]
    fn a_malformed_comparison_is_refused() {
        for text in [
            "",
            ".",
            "eq",
            "EQ.1",
            "foo.1",
            "not",
            "not.",
            "not.not.eq.1",
            "is.nil",
            "is.nulls",
            "in.1,2",
            "in.(1",
        ] {
            assert!(matches!(read(text), Err(Fault { .. })), "{text}");
        }
    }

    #[test]
    fn a_comparison_may_hold_for_any_or_all_of_several_values() {
        for (text, operator, quantifier, values) in [
            ("eq(any).{1,2}", Operator::Eq, Quantifier::Any, "{1,2}"),
            ("like(all).{*a*,b}", Operator::Like, Quantifier::All, "{%a%,b}"),
            ("imatch(any).{^a}", Operator::Imatch, Quantifier::Any, "{^a}"),
        ] {
            let operand = Operand::Several(quantifier, values.into());
            assert_eq!(read(text), Ok(compare(operator, operand)), "{text}");
        }
        for text in ["neq(any).{1}", "in(any).(1)", "eq(some).{1}", "eq().{1}", "cs(all).{1}"] {
            assert!(matches!(read(text), Err(Fault { .. })), "{text}");
        }
    }

    #[test]
    fn a_text_search_may_name_its_configuration() {
        for (text, form, configuration) in [
            ("fts.a & b", SearchForm::Query, None),
            ("plfts(english).a & b", SearchForm::Plain, Some("english")),
            ("phfts(pg_catalog).a & b", SearchForm::Phrase, Some("pg_catalog")),
            ("wfts.a & b", SearchForm::Web, None),
        ] {
            let operand = Operand::Words {
                configuration: configuration.map(Into::into),
                text: "a & b".into(),
            };
            assert_eq!(read(text), Ok(compare(Operator::Search(form), operand)), "{text}");
        }
        assert!(matches!(read("fts().x"), Err(Fault { .. })));
    }
}
