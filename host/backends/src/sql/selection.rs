use std::collections::HashSet;

use turnout_vocabulary::{Column, Selected};

use super::field::{self, Resolved};
use super::{Statement, embed};
use crate::error::Error;
use crate::plan::Scope;

/// Writes what an answer holds of each row, which is called `source`: first columns, then embedded tables, as PostgREST has them.
pub(super) fn write<'a>(
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
            Selected::Column(column) => {
                let resolved = field::resolve(scope, &column.field)?;
                if has_every && resolved.is_column() && column.alias.is_none() && column.cast.is_none() {
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

fn write_column<'a>(
    statement: &mut Statement<'a>,
    column: &'a Column,
    resolved: &Resolved<'_, 'a>,
    source: &str,
) -> Result<(), Error> {
    let Column { alias, cast, .. } = column;
    match cast {
        Some(cast) if !names_a_type(cast) => return Err(Error::InvalidCast { cast: cast.clone() }),
        Some(cast) => {
            statement.sql("cast(");
            resolved.write(statement, source);
            statement.sql(" as ").sql(cast).sql(")");
        }
        None => resolved.write(statement, source),
    }
    if !resolved.is_column() || cast.is_some() || alias.is_some() {
        statement.sql(" as ").identifier(name(column));
    }
    Ok(())
}

/// What a column is called in the answer.
fn name(column: &Column) -> &str {
    column.alias.as_deref().unwrap_or(column.field.answer_name())
}

/// What the answer holds of each row, by name.
pub(super) fn names<'n>(scope: &'n Scope<'_, '_>, select: &'n [Selected]) -> Vec<&'n str> {
    let has_every = select.contains(&Selected::Every);
    let mut names: Vec<&str> = Vec::new();
    if has_every {
        names.extend(scope.table.columns.iter().map(|column| column.name.as_str()));
    }
    names.extend(select.iter().filter_map(|selected| match selected {
        Selected::Column(column) => Some(name(column)),
        Selected::Every | Selected::Embed(_) => None,
    }));
    for embedded in scope.embeds.iter().filter(|embedded| !embedded.is_hidden()) {
        if embedded.embed.spread {
            names.extend(self::names(&embedded.scope, &embedded.embed.select));
        } else {
            names.push(embedded.embed.name());
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
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
