//! Embedded tables: rows that are related to a row, as a value of its own or as columns of it.
//!
//! A value is a subquery among what is selected, so PostgreSQL makes it only for the rows that are left after order and limit.

use turnout_vocabulary::Window;

use super::find::{write_order, write_window};
use super::group::Groups;
use super::{Statement, filter, selection};
use crate::error::Error;
use crate::plan::{Embedded, Link, Scope};

/// Writes an embedded table as part of what is selected of a row that is called `source`.
pub(super) fn write<'a>(statement: &mut Statement<'a>, embedded: &Embedded<'_, 'a>, source: &str) -> Result<(), Error> {
    let alias = &embedded.scope.alias;
    if embedded.embed.spread {
        statement.sql(alias).sql("_spread.*");
        return Ok(());
    }
    if embedded.is_to_one {
        statement.sql("(select row_to_json(").sql(alias).sql("_row)");
    } else {
        statement
            .sql("(select coalesce(json_agg(")
            .sql(alias)
            .sql("_row), '[]')");
    }
    statement.sql(" from (");
    write_rows(statement, embedded, source)?;
    statement
        .sql(") as ")
        .sql(alias)
        .sql("_row) as ")
        .identifier(embedded.embed.name());
    Ok(())
}

/// Writes the joins that make columns of the embedded tables that are spread. Of several related rows each column is an array.
pub(super) fn write_spreads<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    source: &str,
) -> Result<(), Error> {
    let spreads = scope
        .embeds
        .iter()
        .filter(|embedded| embedded.embed.spread && !embedded.is_hidden());
    for embedded in spreads {
        let alias = &embedded.scope.alias;
        statement.sql(" left join lateral (");
        if embedded.is_to_one {
            write_rows(statement, embedded, source)?;
        } else {
            let columns = selection::spread(&embedded.scope, &embedded.embed.select);
            statement.sql("select ").list(columns, |statement, (name, _)| {
                statement
                    .sql("coalesce(json_agg(")
                    .sql(alias)
                    .sql("_row.")
                    .identifier(name);
                statement.sql("), '[]') as ").identifier(name);
            });
            statement.sql(" from (");
            write_rows(statement, embedded, source)?;
            statement.sql(") as ").sql(alias).sql("_row");
        }
        statement.sql(") as ").sql(alias).sql("_spread on true");
    }
    Ok(())
}

/// Writes whether any row of an embedded table is related to a row that is called `source`.
pub(super) fn write_exists<'a>(
    statement: &mut Statement<'a>,
    embedded: &Embedded<'_, 'a>,
    source: &str,
) -> Result<(), Error> {
    statement.sql("exists (select");
    write_related(statement, embedded, source, None)?;
    statement.sql(")");
    Ok(())
}

/// Writes a value of the one row of an embedded table that is related to a row that is called `source`.
pub(super) fn write_value<'a>(
    statement: &mut Statement<'a>,
    embedded: &Embedded<'_, 'a>,
    source: &str,
    write: impl FnOnce(&mut Statement<'a>, &str),
) -> Result<(), Error> {
    statement.sql("(select ");
    write(statement, &embedded.scope.alias);
    write_related(statement, embedded, source, None)?;
    statement.sql(" limit 1)");
    Ok(())
}

/// Writes the query of the rows that are related to a row that is called `source`.
fn write_rows<'a>(statement: &mut Statement<'a>, embedded: &Embedded<'_, 'a>, source: &str) -> Result<(), Error> {
    let (embed, scope) = (embedded.embed, &embedded.scope);
    statement.sql("select ");
    let groups = if embed.spread {
        selection::write_values(statement, scope, &embed.select, &scope.alias)?;
        Groups::default()
    } else {
        selection::write(statement, scope, &embed.select, &scope.alias)?
    };
    write_related(statement, embedded, source, Some(&groups))?;
    groups.write(statement);
    write_order(statement, scope, &embed.order)?;
    if embedded.is_to_one {
        // What promises to be one row need not be, such as a view of a table that it joins with another.
        write_window(
            statement,
            Window {
                offset: 0,
                limit: Some(1),
            },
        );
    } else {
        write_window(statement, embed.window);
    }
    Ok(())
}

/// Writes ` from` and ` where` of the rows that are related to a row that is called `source`.
fn write_related<'a>(
    statement: &mut Statement<'a>,
    embedded: &Embedded<'_, 'a>,
    source: &str,
    groups: Option<&Groups>,
) -> Result<(), Error> {
    let Embedded { embed, link, scope, .. } = embedded;
    let alias = &scope.alias;
    statement.sql(" from ");
    match link {
        Link::Columns(_) => {
            statement.sql(&scope.table.qualified).sql(" as ").sql(alias);
        }
        Link::Junction { table, target, .. } => {
            statement.sql(&scope.table.qualified).sql(" as ").sql(alias);
            statement
                .sql(" join ")
                .sql(&table.qualified)
                .sql(" as ")
                .sql(alias)
                .sql("_junction on ");
            write_equal(statement, target, alias, &format!("{alias}_junction"));
        }
        Link::Function(function) => {
            statement
                .sql(&function.qualified)
                .sql("(")
                .sql(source)
                .sql(") as ")
                .sql(alias);
        }
    }
    if let Some(groups) = groups {
        write_spreads(statement, scope, alias)?;
        groups.write_joins(statement, scope, alias)?;
    }
    let before = match link {
        Link::Columns(columns) => {
            statement.sql(" where ");
            write_equal(statement, columns, source, alias);
            " and "
        }
        Link::Junction { source: columns, .. } => {
            statement.sql(" where ");
            write_equal(statement, columns, source, &format!("{alias}_junction"));
            " and "
        }
        Link::Function(_) => " where ",
    };
    filter::write_conditions(statement, scope, &embed.filter, alias, before)
}

/// Writes that each column of one is equal to that of the other.
fn write_equal(statement: &mut Statement<'_>, columns: &[(String, String)], one: &str, other: &str) {
    for (place, (column, twin)) in columns.iter().enumerate() {
        statement.sql(if place > 0 { " and " } else { "" });
        statement.sql(one).sql(".").identifier(column).sql(" = ");
        statement.sql(other).sql(".").identifier(twin);
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{Count, Embed, Filter, Find, OrderBy, Request, Selected};

    use super::super::{Carried, statement};
    use super::*;
    use crate::schema::fixtures::salon;

    fn bookings() -> Embed {
        Embed {
            target: "bookings".into(),
            alias: None,
            hint: None,
            inner: false,
            spread: false,
            select: vec![Selected::Every],
            filter: Filter::default(),
            order: Vec::new(),
            window: Window::default(),
        }
    }

    /// The statement that finds all clients with an embed, and what is counted of them.
    fn written(embed: Embed, count: bool) -> String {
        let schema = salon();
        let request = Request::Find(Find {
            select: vec![Selected::Embed(embed)],
            window: Window {
                offset: 0,
                limit: count.then_some(1),
            },
            count: count.then_some(Count::Exact),
            ..Find::default()
        });
        let scope = Scope::target(&schema, 1, &request).unwrap();
        statement(&scope, &[], &request, Carried::default(), false)
            .unwrap()
            .text
    }

    #[test]
    fn related_rows_are_a_subquery_of_what_is_selected() {
        let order = vec![OrderBy {
            embed: None,
            field: "id".into(),
            descending: true,
            nulls: None,
        }];
        let window = Window {
            offset: 0,
            limit: Some(3),
        };
        assert_eq!(
            written(
                Embed {
                    order,
                    window,
                    ..bookings()
                },
                false
            ),
            "select coalesce(json_agg(_turnout_row), '[]')::text, count(*)::text, null::text, '0'::text, null::text, null::text, \
             nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '') from \
             (select (select coalesce(json_agg(_turnout_1_row), '[]') from (select _turnout_1.* from \"public\".\"bookings\" as _turnout_1 \
             where _turnout.\"id\" = _turnout_1.\"client_id\" order by _turnout_1.\"id\" desc limit $1::int8) as _turnout_1_row) \
             as \"bookings\" from \"public\".\"clients\" as _turnout) as _turnout_row"
        );
    }

    #[test]
    fn rows_are_chosen_alike_for_the_answer_and_for_the_count() {
        let inner = written(
            Embed {
                inner: true,
                ..bookings()
            },
            true,
        );
        let chosen = " where exists (select from \"public\".\"bookings\" as _turnout_1 where _turnout.\"id\" = _turnout_1.\"client_id\")";
        assert_eq!(inner.matches(chosen).count(), 2, "{inner}");
    }

    #[test]
    fn several_rows_are_spread_as_arrays() {
        let spread = written(
            Embed {
                spread: true,
                ..bookings()
            },
            false,
        );
        let arrays = "left join lateral (select coalesce(json_agg(_turnout_1_row.\"id\"), '[]') as \"id\", ";
        assert!(
            spread.contains("select _turnout_1_spread.* from") && spread.contains(arrays),
            "{spread}"
        );
    }
}
