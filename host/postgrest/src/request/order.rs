use turnout_vocabulary::{NullsOrder, OrderBy};

use super::cursor::{Cursor, Fault};
use super::field;
use crate::error::Refusal;

/// Reads the value of `order`: terms as `name.desc.nullslast`.
pub(super) fn parse(text: &str) -> Result<Vec<OrderBy>, Refusal> {
    terms(text).map_err(|fault| fault.refuse("order", text, 0))
}

fn terms(text: &str) -> Result<Vec<OrderBy>, Fault> {
    let mut cursor = Cursor::new(text);
    let mut terms = Vec::new();
    loop {
        cursor.skip_blanks();
        terms.push(term(&mut cursor)?);
        cursor.skip_blanks();
        if cursor.at_end() {
            return Ok(terms);
        }
        if !cursor.eat(",") {
            return Err(cursor.unended(r#""," or end of input"#));
        }
    }
}

fn term(cursor: &mut Cursor) -> Result<OrderBy, Fault> {
    let field = field::parse(cursor)?;
    if cursor.peek() == Some('(') {
        return Err(Fault::unsupported(
            "An order by an embedded table is not supported yet.",
        ));
    }
    let descending = cursor.eat(".desc");
    let ascending = !descending && cursor.eat(".asc");
    let nulls = if cursor.eat(".nullsfirst") {
        Some(NullsOrder::First)
    } else if cursor.eat(".nullslast") {
        Some(NullsOrder::Last)
    } else {
        None
    };
    if nulls.is_none() && cursor.eat(".") {
        return Err(cursor.unexpected(if ascending || descending {
            r#""nullsfirst" or "nullslast""#
        } else {
            r#""asc", "desc", "nullsfirst" or "nullslast""#
        }));
    }
    Ok(OrderBy {
        field,
        descending,
        nulls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    fn by(column: &str, descending: bool, nulls: Option<NullsOrder>) -> OrderBy {
        OrderBy {
            field: column.into(),
            descending,
            nulls,
        }
    }

    #[test]
    fn terms_have_a_direction_and_a_place_for_nulls() {
        assert_eq!(
            parse(r#"id,name.desc, price.asc.nullsfirst,"a.b".nullslast,date.desc.nullslast"#).unwrap(),
            [
                by("id", false, None),
                by("name", true, None),
                by("price", false, Some(NullsOrder::First)),
                by("a.b", false, Some(NullsOrder::Last)),
                by("date", true, Some(NullsOrder::Last)),
            ]
        );
    }

    #[test]
    fn a_misspelt_term_is_refused_as_postgrest_refuses_it() {
        assert_eq!(
            body(parse("id.asc.nullslasttt").unwrap_err()),
            r#"{"code":"PGRST100","details":"unexpected 't' expecting \",\" or end of input","hint":null,"message":"\"failed to parse order (id.asc.nullslasttt)\" (line 1, column 17)"}"#
        );
        for text in ["", "id.ac", "id.descc", "id.nullsfirst.desc", "id,", ".desc", "id.asc."] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST100", "{text}");
        }
        assert_eq!(parse("staff(name)").unwrap_err().code(), "PGRST127");
    }
}
