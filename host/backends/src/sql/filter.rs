//! Filters. To add an operator: add it to the vocabulary, then here.

use turnout_vocabulary::{Comparison, Filter, IsValue, Operand, Operator, Quantifier, Reference, SearchForm};

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
    if let (Operator::Search(form), Operand::Words { configuration, text }) = (operator, operand) {
        write_search(statement, &resolved, source, *form, configuration.as_deref(), text);
        return Ok(());
    }
    resolved.write(statement, source);
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
    source: &str,
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
        resolved.write(statement, source);
    } else {
        statement.sql("to_tsvector(");
        write_configuration(statement);
        resolved.write(statement, source);
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
