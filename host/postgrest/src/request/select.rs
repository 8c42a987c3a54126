use turnout_vocabulary::{Aggregate, AggregateFunction, Column, Embed, Filter, Selected, Window};

use super::cursor::{Cursor, Fault};
use super::field;
use crate::error::Refusal;

/// How deep tables may be embedded in tables. The limit keeps a hostile text from using up the stack.
const DEEPEST: usize = 32;

const ITEM: &str = r#""...", field name (* or [a..z0..9_$]), "*" or "count()""#;

const AGGREGATES: [AggregateFunction; 5] = [
    AggregateFunction::Avg,
    AggregateFunction::Count,
    AggregateFunction::Max,
    AggregateFunction::Min,
    AggregateFunction::Sum,
];

/// Reads the value of `select`: `*`, columns and values inside them as `alias:name->key::type`, and embedded tables as
/// `alias:table!hint!inner(…)` or `...table(…)`. An empty text selects nothing.
pub(super) fn parse(text: &str) -> Result<Vec<Selected>, Refusal> {
    let mut cursor = Cursor::new(text);
    items(&mut cursor, 0)
        .and_then(|selected| {
            if cursor.at_end() {
                Ok(selected)
            } else {
                Err(cursor.unexpected(r#""," or end of input"#))
            }
        })
        .map_err(|fault| fault.refuse("select parameter", text, 0))
}

/// Reads items up to the end or to a parenthesis that none of them opened.
fn items(cursor: &mut Cursor, depth: usize) -> Result<Vec<Selected>, Fault> {
    let mut selected = Vec::new();
    cursor.skip_blanks();
    if cursor.at_end() || depth > 0 && cursor.peek() == Some(')') {
        return Ok(selected);
    }
    loop {
        cursor.skip_blanks();
        selected.push(item(cursor, depth)?);
        cursor.skip_blanks();
        if !cursor.eat(",") {
            return Ok(selected);
        }
    }
}

fn item(cursor: &mut Cursor, depth: usize) -> Result<Selected, Fault> {
    if cursor.eat("*") {
        return Ok(Selected::Every);
    }
    let spread = cursor.eat("...");
    if !spread && !cursor.at_name() {
        return Err(cursor.unexpected(ITEM));
    }
    let mut field = field::parse(cursor)?;
    let mut alias = None;
    if !spread && field.path.is_empty() && !cursor.rest().starts_with("::") && cursor.eat(":") {
        alias = Some(field.name);
        cursor.skip_blanks();
        field = field::parse(cursor)?;
    }
    let may_embed = field.path.is_empty() && (spread || !cursor.rest().starts_with("()") || field.name != "count");
    if may_embed && matches!(cursor.peek(), Some('(' | '!')) || spread {
        return embed(cursor, depth, field.name, alias, spread).map(Selected::Embed);
    }
    let mut column = Column {
        field,
        alias,
        cast: None,
        aggregate: None,
    };
    if cursor.eat("()") {
        column.field = "*".into();
        column.aggregate = Some(aggregate(cursor, AggregateFunction::Count)?);
        return Ok(Selected::Column(column));
    }
    column.cast = cast(cursor)?;
    if cursor.eat(".") {
        let found = AGGREGATES.into_iter().find(|function| cursor.eat(function.as_str()));
        let function = found.ok_or_else(|| cursor.unexpected("aggregate function (avg, count, max, min, sum)"))?;
        cursor.expect("()", r#""()""#)?;
        column.aggregate = Some(aggregate(cursor, function)?);
    }
    Ok(Selected::Column(column))
}

fn aggregate(cursor: &mut Cursor, function: AggregateFunction) -> Result<Aggregate, Fault> {
    Ok(Aggregate {
        function,
        cast: cast(cursor)?,
    })
}

/// Reads the type of a cast, if one comes next.
fn cast(cursor: &mut Cursor) -> Result<Option<String>, Fault> {
    if cursor.eat("::") {
        cursor.cast().map(Some)
    } else {
        Ok(None)
    }
}

fn embed(
    cursor: &mut Cursor,
    depth: usize,
    target: String,
    alias: Option<String>,
    spread: bool,
) -> Result<Embed, Fault> {
    if depth == DEEPEST {
        return Err(cursor.unexpected(&format!("no more than {DEEPEST} nested tables")));
    }
    let mut hint = None;
    let mut inner = None;
    for _ in 0..2 {
        if !cursor.eat("!") {
            break;
        }
        match cursor.name()?.as_str() {
            "inner" => _ = inner.get_or_insert(true),
            "left" => _ = inner.get_or_insert(false),
            name => _ = hint.get_or_insert(name.to_owned()),
        }
    }
    cursor.expect("(", r#""(""#)?;
    let select = items(cursor, depth + 1)?;
    cursor.expect(")", r#""," or ")""#)?;
    Ok(Embed {
        target,
        alias,
        hint,
        inner: inner.unwrap_or(false),
        spread,
        select,
        filter: Filter::default(),
        order: Vec::new(),
        window: Window::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::tests::body;

    fn column(name: &str, alias: Option<&str>, cast: Option<&str>) -> Selected {
        Selected::Column(Column {
            field: name.into(),
            alias: alias.map(Into::into),
            cast: cast.map(Into::into),
            aggregate: None,
        })
    }

    /// The only embedded table, with what it selects.
    fn embedded(text: &str) -> Embed {
        match &parse(text).unwrap()[..] {
            [Selected::Embed(embed)] => embed.clone(),
            other => panic!("{other:?}"),
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
    fn values_inside_columns_have_aliases_and_casts() {
        let [Selected::Column(item)] = &parse("age:data->>age::int").unwrap()[..] else {
            panic!("not a column")
        };
        assert_eq!(item.field.path.len(), 1);
        assert_eq!(
            (item.alias.as_deref(), item.cast.as_deref()),
            (Some("age"), Some("int"))
        );
        let [Selected::Column(item)] = &parse("data->a:b").unwrap_or_default()[..] else {
            return;
        };
        panic!("a path can't be an alias: {item:?}")
    }

    #[test]
    fn a_star_stands_for_all_columns_also_beside_others() {
        assert_eq!(parse("*").unwrap(), [Selected::Every]);
        assert_eq!(
            parse("*, a:id").unwrap(),
            [Selected::Every, column("id", Some("a"), None)]
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn tables_are_embedded_with_alias_hint_and_join() {
        let plain = embedded("bookings(*)");
        assert_eq!((plain.name(), plain.inner, plain.spread), ("bookings", false, false));
        assert_eq!(plain.select, [Selected::Every]);

        let full = embedded("visits: bookings!client_id!inner( id, staff(name) )");
        assert_eq!((full.target.as_str(), full.name()), ("bookings", "visits"));
        assert_eq!((full.hint.as_deref(), full.inner), (Some("client_id"), true));
        let inside: Vec<_> = Selected::embeds(&full.select).collect();
        assert_eq!((inside[0].name(), inside[0].select.len()), ("staff", 1));

        let turned = embedded("bookings!inner!client_id()");
        assert_eq!((turned.hint.as_deref(), turned.inner), (Some("client_id"), true));
        assert!(turned.select.is_empty() && !embedded("bookings!left(id)").inner);
        assert!(embedded("...staff(name)").spread);
    }

    #[test]
    fn tables_are_not_embedded_deeper_than_a_bound() {
        let nested = |depth: usize| format!("{}{}", "a(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert_eq!(parse(&nested(DEEPEST + 1)).unwrap_err().code(), "PGRST100");
        assert_eq!(parse(&"a(".repeat(100_000)).unwrap_err().code(), "PGRST100");
    }

    #[test]
    fn columns_are_aggregated_and_the_results_are_cast() {
        for (text, name, cast, function, result_cast) in [
            ("count()", "*", None, AggregateFunction::Count, None),
            ("n:count()::text", "*", None, AggregateFunction::Count, Some("text")),
            ("price.sum()", "price", None, AggregateFunction::Sum, None),
            (
                "x:price::int.avg()::text",
                "price",
                Some("int"),
                AggregateFunction::Avg,
                Some("text"),
            ),
        ] {
            let [Selected::Column(column)] = &parse(text).unwrap()[..] else {
                panic!("not a column: {text}")
            };
            let aggregate = Aggregate {
                function,
                cast: result_cast.map(Into::into),
            };
            assert_eq!(
                (&*column.field.name, column.cast.as_deref(), &column.aggregate),
                (name, cast, &Some(aggregate)),
                "{text}"
            );
        }
        for text in ["price.median()", "price.sum", "price.sum(x)", "count(), id.max"] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST100", "{text}");
        }
    }

    #[test]
    fn a_missing_item_is_refused_with_all_that_may_begin_one() {
        for (text, found) in [
            ("hall,,label", r#"\",\""#),
            ("hall,", "end of input"),
            ("a(b,)", r#"\")\""#),
        ] {
            let refused = body(parse(text).unwrap_err());
            let details = format!(
                r#""details":"unexpected {found} expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"""#
            );
            assert!(refused.contains(&details), "{refused}");
        }
    }

    #[test]
    fn a_malformed_list_is_refused() {
        for text in [
            ",",
            "id,",
            "id::",
            "a:b:c",
            "id)",
            ":id",
            "*!x",
            "id;drop",
            "a(b",
            "a!b",
            "a!(b)",
            "a!b!c!d(e)",
            "...a",
            "a(b,)",
        ] {
            assert_eq!(parse(text).unwrap_err().code(), "PGRST100", "{text}");
        }
    }
}
