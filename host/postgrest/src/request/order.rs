use turnout_vocabulary::{NullsOrder, OrderBy, Selected};

use super::cursor::{Cursor, Fault};
use super::query::Query;
use super::{embedded, field};
use crate::error::Refusal;

/// Reads every order of a query: that of the table is returned, those of embedded tables are put where they belong.
pub(super) fn parse(query: &Query, select: &mut [Selected]) -> Result<Vec<OrderBy>, Refusal> {
    let mut own = None;
    for (key, value) in query.iter().filter(|(key, _)| embedded::kind(key) == "order") {
        let order = terms(value).map_err(|fault| fault.refuse("order", value, 0))?;
        match embedded::at(select, &embedded::path(key)?.0)? {
            Some(embed) => embed.order = order,
            None => _ = own.get_or_insert(order),
        }
    }
    Ok(own.unwrap_or_default())
}

/// Reads the value of `order`: terms as `name.desc.nullslast`, or `table(name).desc` by a column of an embedded table.
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
    let mut field = field::parse(cursor)?;
    let mut embed = None;
    if field.path.is_empty() && cursor.eat("(") {
        embed = Some(field.name);
        field = field::parse(cursor)?;
        cursor.expect(")", r#"")""#)?;
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
        embed,
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
            embed: None,
            field: column.into(),
            descending,
            nulls,
        }
    }

    fn parse(text: &str) -> Result<Vec<OrderBy>, Refusal> {
        let query = format!("order={}", crate::request::encode(text));
        super::parse(&Query::parse(&query).unwrap(), &mut [])
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
        for text in ["staff(name", "staff(name).x", "staff->a(name)"] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST100", "{text}");
        }
    }

    #[test]
    fn an_order_is_of_an_embedded_table_or_by_its_columns() {
        let mut select = crate::request::select::parse("bookings(staff(name))").unwrap();
        let query = Query::parse("order=staff(name).desc&bookings.order=id&bookings.staff.order=name.desc").unwrap();
        let own = super::parse(&query, &mut select).unwrap();
        let by_staff = OrderBy {
            embed: Some("staff".into()),
            ..by("name", true, None)
        };
        assert_eq!(own, [by_staff]);
        let bookings = Selected::embeds(&select).next().unwrap();
        assert_eq!(bookings.order, [by("id", false, None)]);
        let staff = Selected::embeds(&bookings.select).next().unwrap();
        assert_eq!(staff.order, [by("name", true, None)]);

        let query = Query::parse("staff.order=name").unwrap();
        assert_eq!(super::parse(&query, &mut select).unwrap_err().code(), "PGRST108");
    }
}
