use super::cursor::{Cursor, Fault};
use crate::error::Refusal;

/// Reads the value of `columns` or `on_conflict`: names between commas. A repeated name counts once.
pub(super) fn parse(parameter: &str, text: &str) -> Result<Vec<String>, Refusal> {
    names(text).map_err(|fault| fault.refuse(&format!("{parameter} parameter"), text, 0))
}

fn names(text: &str) -> Result<Vec<String>, Fault> {
    let mut cursor = Cursor::new(text);
    let mut names = Vec::new();
    loop {
        cursor.skip_blanks();
        let name = cursor.name()?;
        if !names.contains(&name) {
            names.push(name);
        }
        cursor.skip_blanks();
        if cursor.at_end() {
            return Ok(names);
        }
        cursor.expect(",", r#""," or end of input"#)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    #[test]
    fn names_stand_between_commas() {
        assert_eq!(
            parse("columns", r#""id","first name" , id"#).unwrap(),
            ["id", "first name"]
        );
    }

    #[test]
    fn an_empty_list_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(parse("columns", "").unwrap_err()),
            r#"{"code":"PGRST100","details":"unexpected end of input expecting field name (* or [a..z0..9_$])","hint":null,"message":"\"failed to parse columns parameter ()\" (line 1, column 1)"}"#
        );
        assert!(parse("on_conflict", "a,").is_err());
        assert!(parse("on_conflict", "a;b").is_err());
    }
}
