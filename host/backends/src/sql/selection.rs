use std::collections::HashSet;

use turnout_vocabulary::{Aggregate, Column, Selected};

use super::field::{self, Resolved};
use super::group::{self, Groups};
use super::{Statement, embed};
use crate::error::Error;
use crate::plan::Scope;

/// Writes what an answer holds of each row, which is called `source`: first columns, then embedded tables, as PostgREST has them. What
/// it returns is written after the rest of the query.
pub(super) fn write<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    select: &'a [Selected],
    source: &str,
) -> Result<Groups, Error> {
    let aggregates = |column: &Column| column.aggregate.is_some() || counts_rows(scope, column);
    let own = |selected: &Selected| matches!(selected, Selected::Column(column) if aggregates(column));
    if select.iter().any(own) || hands_up(select) {
        return group::write(statement, scope, select, source);
    }
    write_values(statement, scope, select, source)?;
    Ok(Groups::default())
}

/// Whether any table that is spread hands values up that are aggregated here.
fn hands_up(select: &[Selected]) -> bool {
    Selected::embeds(select).any(|embed| embed.spread && Selected::aggregates(&embed.select))
}

/// Writes the same row by row. What is to be aggregated is left as it is: a table that is spread hands it up to the table around.
pub(super) fn write_values<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    select: &'a [Selected],
    source: &str,
) -> Result<(), Error> {
    let has_every = select.contains(&Selected::Every);
    let mut between = "";
    for selected in select {
        match selected {
            Selected::Every => {
                statement.sql(between).sql(source).sql(".*");
            }
            Selected::Column(column) if column.aggregate.is_some() && column.field.name == "*" => {
                statement.sql(between).sql(source).sql(" as ").identifier(name(column));
            }
            Selected::Column(column) => {
                let resolved = field::resolve(scope, &column.field)?;
                let is_plain = column.alias.is_none() && column.cast.is_none() && column.aggregate.is_none();
                if has_every && resolved.is_column() && is_plain {
                    continue;
                }
                statement.sql(between);
                write_column(statement, column, &resolved, source)?;
            }
            Selected::Embed(_) => continue,
        }
        between = ", ";
    }
    for embedded in scope.embeds.iter().filter(|embedded| !embedded.is_hidden()) {
        statement.sql(between);
        embed::write(statement, embedded, source)?;
        between = ", ";
    }
    Ok(())
}

/// Whether a column is `count` where the table has no such column: PostgreSQL takes it for the number of rows.
pub(super) fn counts_rows(scope: &Scope<'_, '_>, column: &Column) -> bool {
    column.field.column() == Some("count") && scope.named(&column.field).is_err()
}

pub(super) fn write_column<'a>(
    statement: &mut Statement<'a>,
    column: &'a Column,
    resolved: &Resolved<'_, 'a>,
    source: &str,
) -> Result<(), Error> {
    write_value(statement, column, resolved, source)?;
    if !resolved.is_column() || name(column) != column.field.name || column.cast.is_some() {
        statement.sql(" as ").identifier(name(column));
    }
    Ok(())
}

/// Writes a column's value with its cast.
pub(super) fn write_value<'a>(
    statement: &mut Statement<'a>,
    column: &'a Column,
    resolved: &Resolved<'_, 'a>,
    source: &str,
) -> Result<(), Error> {
    write_cast(statement, column.cast.as_deref(), |statement| {
        resolved.write(statement, source);
    })
}

/// Writes a value, cast to a type if one is given.
pub(super) fn write_cast<'a>(
    statement: &mut Statement<'a>,
    cast: Option<&str>,
    write: impl FnOnce(&mut Statement<'a>),
) -> Result<(), Error> {
    match cast {
        Some(cast) if !names_a_type(cast) => return Err(Error::InvalidCast { cast: cast.to_owned() }),
        Some(cast) => {
            statement.sql("cast(");
            write(statement);
            statement.sql(" as ").sql(cast).sql(")");
        }
        None => write(statement),
    }
    Ok(())
}

/// What a column is called in the answer.
pub(super) fn name(column: &Column) -> &str {
    let made = || column.aggregate.as_ref().map(|aggregate| aggregate.function.as_str());
    column
        .alias
        .as_deref()
        .or_else(made)
        .unwrap_or(column.field.answer_name())
}

/// What a table that is spread has of each row, by name, with how it is to be aggregated.
pub(super) fn spread<'n>(scope: &'n Scope<'_, '_>, select: &'n [Selected]) -> Vec<(&'n str, Option<&'n Aggregate>)> {
    let mut columns: Vec<(&str, Option<&Aggregate>)> = Vec::new();
    if select.contains(&Selected::Every) {
        columns.extend(scope.table.columns.iter().map(|column| (column.name.as_str(), None)));
    }
    columns.extend(select.iter().filter_map(|selected| match selected {
        Selected::Column(column) => Some((name(column), column.aggregate.as_ref())),
        Selected::Every | Selected::Embed(_) => None,
    }));
    for embedded in scope.embeds.iter().filter(|embedded| !embedded.is_hidden()) {
        if embedded.embed.spread {
            columns.extend(spread(&embedded.scope, &embedded.embed.select));
        } else {
            columns.push((embedded.embed.name(), None));
        }
    }
    let mut seen = HashSet::new();
    columns.retain(|(name, _)| seen.insert(*name));
    columns
}

/// Whether a text can only be the name of a type where SQL expects one: words of letters, digits and `_` between single
/// spaces (`double precision`), then any number of `[]`. Whether there is such a type, PostgreSQL says.
fn names_a_type(text: &str) -> bool {
    let mut name = text;
    while let Some(element) = name.strip_suffix("[]") {
        name = element;
    }
    name.split(' ').all(|word| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::clients;
    use super::*;

    fn written(select: &[Selected]) -> Result<String, Error> {
        let table = clients();
        let mut statement = Statement::default();
        write(&mut statement, &Scope::of(&table), select, "t")?;
        Ok(statement.text)
    }

    #[test]
    fn aliases_and_casts_are_written_and_a_star_covers_plain_columns() {
        let column = |name: &str, alias: Option<&str>, cast: Option<&str>| {
            Selected::Column(Column {
                field: name.into(),
                alias: alias.map(Into::into),
                cast: cast.map(Into::into),
                aggregate: None,
            })
        };
        assert_eq!(written(&[]).unwrap(), "");
        let columns = [column("id", None, Some("text")), column("phone", Some("tel\""), None)];
        assert_eq!(
            written(&columns).unwrap(),
            r#"cast(t."id" as text) as "id", t."phone" as "tel""""#
        );
        let columns = [
            column("id", None, None),
            Selected::Every,
            column("id", Some("key"), None),
        ];
        assert_eq!(written(&columns).unwrap(), r#"t.*, t."id" as "key""#);
    }

    #[test]
    fn a_cast_can_only_be_the_name_of_a_type() {
        for name in ["text", "double precision", "int4[]", "TIMESTAMPTZ", "_int4[][]"] {
            assert!(names_a_type(name), "{name}");
        }
        for other in [
            "",
            "text)",
            "text; drop table x",
            "text--",
            "a  b",
            "numeric(1,2)",
            "\"x\"",
            "[]",
            "text ",
            "1x",
            "x[1]",
        ] {
            assert!(!names_a_type(other), "{other}");
        }
    }
}
