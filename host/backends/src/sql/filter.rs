//! Filters. To add an operator: add it to the vocabulary, then here.

use turnout_vocabulary::{Comparison, Filter, IsValue, Operand, Operator, Reference};

use super::field::{self, Resolved};
use super::{Parameter, Statement, TARGET};
use crate::error::Error;
use crate::schema::Table;

/// Writes the `where` of a filter, or nothing if it takes every row.
pub(super) fn write_where<'a>(statement: &mut Statement<'a>, table: &Table, filter: &'a Filter) -> Result<(), Error> {
    if filter.takes_every_row() {
        return Ok(());
    }
    statement.sql(" where ");
    write(statement, table, filter)
}

fn write<'a>(statement: &mut Statement<'a>, table: &Table, filter: &'a Filter) -> Result<(), Error> {
    match filter {
        Filter::All(parts) => write_parts(statement, table, parts, " and ", "true"),
        Filter::Any(parts) => write_parts(statement, table, parts, " or ", "false"),
        Filter::Not(part) => {
            statement.sql("not (");
            write(statement, table, part)?;
            statement.sql(")");
            Ok(())
        }
        Filter::Compare(comparison) => write_comparison(statement, table, comparison),
    }
}

fn write_parts<'a>(
    statement: &mut Statement<'a>,
    table: &Table,
    parts: &'a [Filter],
    between: &str,
    without_parts: &str,
) -> Result<(), Error> {
    match parts {
        [] => {
            statement.sql(without_parts);
        }
        [part] => write(statement, table, part)?,
        [first, rest @ ..] => {
            statement.sql("(");
            write(statement, table, first)?;
            for part in rest {
                statement.sql(between);
                write(statement, table, part)?;
            }
            statement.sql(")");
        }
    }
    Ok(())
}

fn write_comparison<'a>(statement: &mut Statement<'a>, table: &Table, comparison: &'a Comparison) -> Result<(), Error> {
    let Comparison {
        field,
        operator,
        operand,
    } = comparison;
    let resolved = field::resolve(table, field)?;
    if let (Operator::Eq, Operand::Reference(reference)) = (operator, operand) {
        write_reference(statement, reference, &resolved);
        return Ok(());
    }
    resolved.write(statement, TARGET);
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
fn write_reference<'a>(statement: &mut Statement<'a>, reference: &'a Reference, resolved: &Resolved<'_, 'a>) {
    let value = Parameter::Reference(reference);
    statement.sql("(");
    resolved.write(statement, TARGET);
    statement.sql(" = ").parameter(value.clone()).sql("::");
    resolved.write_type(statement);
    statement.sql(" or (");
    resolved.write(statement, TARGET);
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
        write_where(&mut statement, &clients(), filter)?;
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
