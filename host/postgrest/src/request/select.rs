use turnout_vocabulary::Column;

use super::cursor::{Cursor, Fault};
use super::field;
use crate::error::Refusal;

/// Reads the value of `select`: `*`, or columns and values inside them as `alias:name->key::type`. An empty list means all columns.
pub(super) fn parse(text: &str) -> Result<Vec<Column>, Refusal> {
    items(text).map_err(|fault| fault.refuse("select parameter", text, 0))
}

fn items(text: &str) -> Result<Vec<Column>, Fault> {
    let mut cursor = Cursor::new(text);
    let mut columns = Vec::new();
    let mut star = false;
    if cursor.at_end() {
        return Err(Fault::unsupported("A select without columns is not supported yet."));
    }
    loop {
        cursor.skip_blanks();
        if cursor.eat("*") {
            star = true;
        } else {
            columns.push(item(&mut cursor)?);
        }
        cursor.skip_blanks();
        if cursor.at_end() {
            break;
        }
        cursor.expect(",", r#""," or end of input"#)?;
    }
    if !star {
        return Ok(columns);
    }
    // `*` includes every plain column.
    if columns
        .iter()
        .any(|column| column.alias.is_some() || column.cast.is_some())
    {
        return Err(Fault::unsupported(
            "An alias or a cast beside * in select is not supported yet.",
        ));
    }
    Ok(Vec::new())
}

fn item(cursor: &mut Cursor) -> Result<Column, Fault> {
    if cursor.eat("...") {
        return Err(Fault::unsupported("Spread embedding in select is not supported yet."));
    }
    let mut field = field::parse(cursor)?;
    let mut alias = None;
    if field.path.is_empty() && !cursor.rest().starts_with("::") && cursor.eat(":") {
        alias = Some(field.name);
        cursor.skip_blanks();
        field = field::parse(cursor)?;
    }
    let cast = if cursor.eat("::") { Some(cursor.cast()?) } else { None };
    let unsupported = match cursor.peek() {
        Some('(' | '!') => "Embedding or an aggregate",
        Some('.') => "An aggregate",
        _ => return Ok(Column { field, alias, cast }),
    };
    Err(Fault::unsupported(format!(
        "{unsupported} in select is not supported yet."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, alias: Option<&str>, cast: Option<&str>) -> Column {
        Column {
            field: name.into(),
            alias: alias.map(Into::into),
            cast: cast.map(Into::into),
        }
    }

    #[test]
    fn columns_have_aliases_and_casts() {
        assert_eq!(
            parse(r#"id, who:name ,price::text,"a,b":"c:d"::int4"#).unwrap(),
            [
                column("id", None, None),
                column("name", Some("who"), None),
                column("price", None, Some("text")),
                column("c:d", Some("a,b"), Some("int4")),
            ]
        );
    }

    #[test]
    fn a_star_means_all_columns() {
        assert_eq!(parse("*").unwrap(), []);
        assert_eq!(parse("*,id").unwrap(), []);
    }

    #[test]
    fn what_turnout_does_not_have_yet_is_refused_as_not_implemented() {
        for text in [
            "",
            "*,a:id",
            "services(*)",
            "s:services!inner(id)",
            "...staff(name)",
            "count()",
            "id.sum()",
        ] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST127", "{text}");
        }
    }

    #[test]
    fn a_malformed_list_is_refused() {
        for text in [",", "id,", "id::", "a:b:c", "id)", ":id", "*!x", "id;drop"] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST100", "{text}");
        }
    }
}
