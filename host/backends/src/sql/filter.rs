//! Filters. To add an operator: add it to the vocabulary, then here.

use turnout_vocabulary::{Comparison, Filter, IsValue, Operand, Operator, Reference};

use super::field::{self, Resolved};
use super::{Parameter, Statement, embed};
use crate::error::Error;
use crate::plan::{Embedded, Scope};

/// Writes the `where` of a filter, or nothing if it takes every row: one that it takes, and to which rows of each table are related that
/// is embedded as `inner`.
pub(super) fn write_where<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    filter: &'a Filter,
) -> Result<(), Error> {
    write_conditions(statement, scope, filter, &scope.alias, " where ")
}

/// Writes the conditions of a filter on rows that are called `source`, after `before` for the first of them.
pub(super) fn write_conditions<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    filter: &'a Filter,
    source: &str,
    mut before: &str,
) -> Result<(), Error> {
    if !filter.takes_every_row() {
        statement.sql(before);
        write(statement, scope, filter, source)?;
        before = " and ";
    }
    for embedded in scope.embeds.iter().filter(|embedded| embedded.embed.inner) {
        statement.sql(before);
        embed::write_exists(statement, embedded, source)?;
        before = " and ";
    }
    Ok(())
}

fn write<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    filter: &'a Filter,
    source: &str,
) -> Result<(), Error> {
    match filter {
        Filter::All(parts) => write_parts(statement, scope, parts, source, " and ", "true"),
        Filter::Any(parts) => write_parts(statement, scope, parts, source, " or ", "false"),
        Filter::Not(part) => {
            statement.sql("not (");
            write(statement, scope, part, source)?;
            statement.sql(")");
            Ok(())
        }
        Filter::Compare(comparison) => match comparison.field.column().and_then(|name| scope.embedded(name)) {
            Some(embedded) => write_related(statement, scope, embedded, comparison, source),
            None => write_comparison(statement, scope, comparison, source),
        },
    }
}

/// Writes whether rows of an embedded table are related to a row. A column of the same name can be compared with all but null.
fn write_related<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    embedded: &Embedded<'_, 'a>,
    comparison: &'a Comparison,
    source: &str,
) -> Result<(), Error> {
    match (comparison.operator, &comparison.operand) {
        (Operator::Is, Operand::Is(IsValue::Null)) => {
            statement.sql("not ");
            embed::write_exists(statement, embedded, source)
        }
        (Operator::Is, Operand::Is(IsValue::NotNull)) => embed::write_exists(statement, embedded, source),
        _ if scope.named(&comparison.field).is_ok() => write_comparison(statement, scope, comparison, source),
        _ => Err(Error::EmbedCompared {
            name: comparison.field.name.clone(),
        }),
    }
}

fn write_parts<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    parts: &'a [Filter],
    source: &str,
    between: &str,
    without_parts: &str,
) -> Result<(), Error> {
    match parts {
        [] => {
            statement.sql(without_parts);
        }
        [part] => write(statement, scope, part, source)?,
        [first, rest @ ..] => {
            statement.sql("(");
            write(statement, scope, first, source)?;
            for part in rest {
                statement.sql(between);
                write(statement, scope, part, source)?;
            }
            statement.sql(")");
        }
    }
    Ok(())
}

fn write_comparison<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    comparison: &'a Comparison,
    source: &str,
) -> Result<(), Error> {
    let Comparison {
        field,
        operator,
        operand,
    } = comparison;
    let resolved = field::resolve(scope, field)?;
    if let (Operator::Eq, Operand::Reference(reference)) = (operator, operand) {
        write_reference(statement, reference, &resolved, source);
        return Ok(());
    }
    resolved.write(statement, source);
    match (operator, operand) {
        (Operator::Eq, Operand::Value(value)) => write_sign(statement, " = ", value, &resolved),
        (Operator::Neq, Operand::Value(value)) => write_sign(statement, " <> ", value, &resolved),
        (Operator::Gt, Operand::Value(value)) => write_sign(statement, " > ", value, &resolved),
        (Operator::Gte, Operand::Value(value)) => write_sign(statement, " >= ", value, &resolved),
        (Operator::Lt, Operand::Value(value)) => write_sign(statement, " < ", value, &resolved),
        (Operator::Lte, Operand::Value(value)) => write_sign(statement, " <= ", value, &resolved),
        (Operator::Like, Operand::Value(value)) => write_pattern(statement, " like ", value),
        (Operator::Ilike, Operand::Value(value)) => write_pattern(statement, " ilike ", value),
        (Operator::In, Operand::List(values)) => {
            statement
                .sql(" = any (")
                .parameter(Parameter::list(values))
                .sql("::text[]::");
            resolved.write_type(statement);
            statement.sql("[])");
        }
        (Operator::Is, Operand::Is(value)) => {
            statement.sql(match value {
                IsValue::Null => " is null",
                IsValue::NotNull => " is not null",
                IsValue::True => " is true",
                IsValue::False => " is false",
                IsValue::Unknown => " is unknown",
            });
        }
        _ => {
            return Err(Error::MismatchedOperand {
                column: field.name.clone(),
                operator: *operator,
            });
        }
    }
    Ok(())
}

/// A null equals a null value. PostgreSQL can use no index for `is not distinct from`.
fn write_reference<'a>(
    statement: &mut Statement<'a>,
    reference: &'a Reference,
    resolved: &Resolved<'_, 'a>,
    source: &str,
) {
    let value = Parameter::Reference(reference);
    statement.sql("(");
    resolved.write(statement, source);
    statement.sql(" = ").parameter(value.clone()).sql("::");
    resolved.write_type(statement);
    statement.sql(" or (");
    resolved.write(statement, source);
    statement.sql(" is null and ").parameter(value).sql("::text is null))");
}

fn write_sign<'a>(statement: &mut Statement<'a>, sign: &str, value: &'a str, resolved: &Resolved<'_, 'a>) {
    statement.sql(sign).parameter(Parameter::text(value)).sql("::");
    resolved.write_type(statement);
}

fn write_pattern<'a>(statement: &mut Statement<'a>, sign: &str, value: &'a str) {
    statement.sql(sign).parameter(Parameter::text(value)).sql("::text");
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{clients, phone_is};
    use super::*;
    use crate::error::ColumnUse;

    fn written(filter: &Filter) -> Result<(String, usize), Error> {
        let mut statement = Statement::default();
        let table = clients();
        write_where(&mut statement, &Scope::of(&table), filter)?;
        Ok((statement.text, statement.parameters.len()))
    }

    fn compare(column: &str, operator: Operator, operand: Operand) -> Filter {
        Filter::Compare(Comparison {
            field: column.into(),
            operator,
            operand,
        })
    }

    #[test]
    fn every_value_is_a_parameter_cast_to_the_column() {
        let list = compare("id", Operator::In, Operand::List(vec!["1".into(), "2".into()]));
        let null = compare("Full \"name\"", Operator::Is, Operand::Is(IsValue::Null));
        let filter = Filter::All(vec![
            phone_is("8' or true"),
            Filter::Not(Box::new(Filter::Any(vec![list, null]))),
        ]);
        let expected = r#" where (_turnout."phone" = $1::text and not ((_turnout."id" = any ($2::text[]::integer[]) or _turnout."Full ""name""" is null)))"#;
        assert_eq!(written(&filter).unwrap(), (expected.into(), 2));
    }

    #[test]
    fn a_column_equals_a_reference_also_where_both_are_null() {
        let reference = Reference {
            operation: 0,
            cell: None,
        };
        let filter = compare("id", Operator::Eq, Operand::Reference(reference));
        let expected = r#" where (_turnout."id" = $1::integer or (_turnout."id" is null and $2::text is null))"#;
        assert_eq!(written(&filter).unwrap(), (expected.into(), 2));
    }

    #[test]
    fn a_filter_without_parts_takes_all_rows_or_none() {
        assert_eq!(written(&Filter::All(vec![])).unwrap().0, "");
        assert_eq!(written(&Filter::Any(vec![])).unwrap().0, " where false");
    }

    #[test]
    fn an_unknown_column_is_refused_before_any_sql_is_sent() {
        let filter = compare("phone\" = '' --", Operator::Eq, Operand::Value("x".into()));
        assert!(matches!(
            written(&filter),
            Err(Error::UnknownColumn {
                usage: ColumnUse::Read,
                ..
            })
        ));
    }

    #[test]
    fn an_operand_of_another_form_than_the_operator_takes_is_refused() {
        for (operator, operand) in [
            (Operator::Eq, Operand::List(vec![])),
            (Operator::In, Operand::Value("1".into())),
            (Operator::Like, Operand::Is(IsValue::Null)),
        ] {
            let filter = compare("id", operator, operand);
            assert!(matches!(written(&filter), Err(Error::MismatchedOperand { .. })));
        }
    }
}
