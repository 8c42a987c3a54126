//! Filters. To add an operator: add it to the vocabulary, then here.

use turnout_vocabulary::{Comparison, Filter, IsValue, Operand, Operator, Quantifier, Reference, SearchForm};

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
    if let (Operator::Search(form), Operand::Words { configuration, text }) = (operator, operand) {
        write_search(statement, &resolved, *form, configuration.as_deref(), text);
        return Ok(());
    }
    resolved.write(statement, TARGET);
    match (operator, operand) {
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
        (operator, Operand::Value(value)) if let Some(sign) = sign(*operator) => {
            statement.sql(sign).parameter(Parameter::text(value)).sql("::");
            write_type(statement, &resolved, *operator);
        }
        (operator, Operand::Several(quantifier, values)) if let Some(sign) = sign(*operator) => {
            statement.sql(sign).sql(match quantifier {
                Quantifier::Any => "any (",
                Quantifier::All => "all (",
            });
            statement.parameter(Parameter::text(values)).sql("::");
            write_type(statement, &resolved, *operator);
            statement.sql("[])");
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

/// The sign of an operator that takes one value.
const fn sign(operator: Operator) -> Option<&'static str> {
    Some(match operator {
        Operator::Eq => " = ",
        Operator::Neq => " <> ",
        Operator::Gt => " > ",
        Operator::Gte => " >= ",
        Operator::Lt => " < ",
        Operator::Lte => " <= ",
        Operator::Like => " like ",
        Operator::Ilike => " ilike ",
        Operator::Match => " ~ ",
        Operator::Imatch => " ~* ",
        Operator::IsDistinct => " is distinct from ",
        Operator::Contains => " @> ",
        Operator::ContainedIn => " <@ ",
        Operator::Overlaps => " && ",
        Operator::StrictlyLeft => " << ",
        Operator::StrictlyRight => " >> ",
        Operator::NotRightOf => " &< ",
        Operator::NotLeftOf => " &> ",
        Operator::Adjacent => " -|- ",
        Operator::In | Operator::Is | Operator::Search(_) => return None,
    })
}

/// Writes the type of the value that an operator compares with: patterns are texts, whatever they are compared with.
fn write_type(statement: &mut Statement<'_>, resolved: &Resolved<'_, '_>, operator: Operator) {
    match operator {
        Operator::Like | Operator::Ilike | Operator::Match | Operator::Imatch => {
            statement.sql("text");
        }
        _ => resolved.write_type(statement),
    }
}

/// What is not prepared for text searches yet is prepared in the configuration of the search.
fn write_search<'a>(
    statement: &mut Statement<'a>,
    resolved: &Resolved<'_, 'a>,
    form: SearchForm,
    configuration: Option<&'a str>,
    text: &'a str,
) {
    let write_configuration = |statement: &mut Statement<'a>| {
        if let Some(name) = configuration {
            statement.parameter(Parameter::text(name)).sql("::regconfig, ");
        }
    };
    if resolved.is_searchable() {
        resolved.write(statement, TARGET);
    } else {
        statement.sql("to_tsvector(");
        write_configuration(statement);
        resolved.write(statement, TARGET);
        statement.sql(")");
    }
    statement.sql(match form {
        SearchForm::Query => " @@ to_tsquery(",
        SearchForm::Plain => " @@ plainto_tsquery(",
        SearchForm::Phrase => " @@ phraseto_tsquery(",
        SearchForm::Web => " @@ websearch_to_tsquery(",
    });
    write_configuration(statement);
    statement.parameter(Parameter::text(text)).sql("::text)");
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
    fn several_values_are_one_array_of_the_columns_type() {
        let several = |operator, quantifier| {
            let filter = compare("id", operator, Operand::Several(quantifier, "{1,2}".into()));
            written(&filter).unwrap().0
        };
        assert_eq!(
            several(Operator::Gt, Quantifier::All),
            r#" where _turnout."id" > all ($1::integer[])"#
        );
        assert_eq!(
            several(Operator::Like, Quantifier::Any),
            r#" where _turnout."id" like any ($1::text[])"#
        );
    }

    #[test]
    fn a_text_search_prepares_what_is_not_prepared() {
        let search = |column: &str, configuration: Option<&str>| {
            let operand = Operand::Words {
                configuration: configuration.map(Into::into),
                text: "a".into(),
            };
            written(&compare(column, Operator::Search(SearchForm::Web), operand)).unwrap()
        };
        assert_eq!(
            search("phone", Some("english")),
            (
                r#" where to_tsvector($1::regconfig, _turnout."phone") @@ websearch_to_tsquery($2::regconfig, $3::text)"#
                    .into(),
                3
            )
        );
        assert_eq!(
            search("words", None),
            (r#" where _turnout."words" @@ websearch_to_tsquery($1::text)"#.into(), 1)
        );
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
            (Operator::In, Operand::Several(Quantifier::Any, "{1}".into())),
        ] {
            let filter = compare("id", operator, operand);
            assert!(matches!(written(&filter), Err(Error::MismatchedOperand { .. })));
        }
    }
}
