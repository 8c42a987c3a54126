use turnout_vocabulary::Column;

use super::{Statement, field};
use crate::error::Error;
use crate::schema::Table;

/// Writes the columns of an answer, taken from `source`; none asked for means all of them.
pub(super) fn write<'a>(
    statement: &mut Statement<'a>,
    table: &Table,
    columns: &'a [Column],
    source: &str,
) -> Result<(), Error> {
    if columns.is_empty() {
        statement.sql(source).sql(".*");
        return Ok(());
    }
    let resolved = columns.iter().map(|column| {
        if let Some(cast) = column.cast.as_deref().filter(|cast| !names_a_type(cast)) {
            return Err(Error::InvalidCast { cast: cast.to_owned() });
        }
        Ok((column, field::resolve(table, &column.field)?))
    });
    let resolved = resolved.collect::<Result<Vec<_>, _>>()?;
    statement.list(resolved, |statement, (column, resolved)| {
        let Column { field, alias, cast } = column;
        match cast {
            Some(cast) => {
                statement.sql("cast(");
                resolved.write(statement, source);
                statement.sql(" as ").sql(cast).sql(")");
            }
            None => resolved.write(statement, source),
        }
        if field.column().is_none() || cast.is_some() || alias.is_some() {
            let name = alias.as_deref().unwrap_or(field.answer_name());
            statement.sql(" as ").identifier(name);
        }
    });
    Ok(())
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

    fn written(columns: &[Column]) -> Result<String, Error> {
        let mut statement = Statement::default();
        write(&mut statement, &clients(), columns, "t")?;
        Ok(statement.text)
    }

    #[test]
    fn aliases_and_casts_are_written_and_all_columns_need_no_list() {
        let column = |name: &str, alias: Option<&str>, cast: Option<&str>| Column {
            field: name.into(),
            alias: alias.map(Into::into),
            cast: cast.map(Into::into),
        };
        assert_eq!(written(&[]).unwrap(), "t.*");
        let columns = [column("id", None, Some("text")), column("phone", Some("tel\""), None)];
        assert_eq!(
            written(&columns).unwrap(),
            r#"cast(t."id" as text) as "id", t."phone" as "tel""""#
        );
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
