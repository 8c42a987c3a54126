use turnout_vocabulary::{BodyForm, Count, Explain, Find, NullsOrder, OrderBy, Selected, Window};

use super::carried::Carried;
use super::filter::write_where;
use super::{Parameter, SAID, Statement, TARGET, body, embed, field, selection, written};
use crate::error::Error;
use crate::plan::Scope;

/// How many rows an estimate counts one by one before it asks the planner: the rows that Supabase answers with at most.
const COUNTED: u32 = 1000;

/// A read. All rows go into one JSON array; where a single one is asked for, only the first is made into JSON, and all
/// are counted. Where there is a fence its value is read no earlier than the rows. One that is `listed` takes its transaction back
/// where there is not the single row that is asked for.
pub(super) fn find<'a>(
    scope: &Scope<'_, 'a>,
    find: &'a Find,
    carried: Carried<'a>,
    listed: bool,
) -> Result<Statement<'a>, Error> {
    let fenced = carried.epoch.is_some();
    let mut statement = Statement::default();
    if find.single {
        statement.sql("with _turnout_rows as (");
        write_rows(&mut statement, scope, find)?;
        statement.sql(") select (select ");
        body::write_one(&mut statement, find.body);
        statement.sql(" from _turnout_rows as _turnout_row limit 1), ");
        if listed {
            written::write_single_count(&mut statement, "(select count(*) from _turnout_rows)");
        } else {
            statement.sql("(select count(*) from _turnout_rows)::text");
        }
        write_total(&mut statement, scope, find, "(select count(*) from _turnout_rows)")?;
        write_fence(&mut statement, fenced);
    } else {
        let in_lines = find.body == BodyForm::Csv;
        if in_lines {
            statement.sql("with _turnout_rows as (");
            write_rows(&mut statement, scope, find)?;
            statement.sql(") ");
        }
        statement.sql("select ");
        body::write_all(&mut statement, find.body);
        statement.sql(", count(*)::text");
        write_total(&mut statement, scope, find, "count(*)")?;
        write_fence(&mut statement, fenced);
        if in_lines {
            statement.sql(" from _turnout_rows as _turnout_row");
        } else {
            statement.sql(" from (");
            write_rows(&mut statement, scope, find)?;
            statement.sql(") as _turnout_row");
        }
    }
    carried.set(&mut statement, None);
    Ok(statement)
}

fn write_fence(statement: &mut Statement<'_>, fenced: bool) {
    statement.sql(if fenced {
        ", pg_sequence_last_value('turnout.fence'::regclass)::text"
    } else {
        ", null::text"
    });
    statement.sql(SAID);
}

fn write_rows<'a>(statement: &mut Statement<'a>, scope: &Scope<'_, 'a>, find: &'a Find) -> Result<(), Error> {
    statement.sql("select ");
    let groups = selection::write(statement, scope, &find.select, TARGET)?;
    statement
        .sql(" from ")
        .sql(&scope.table.qualified)
        .sql(" as ")
        .sql(TARGET);
    embed::write_spreads(statement, scope, TARGET)?;
    groups.write_joins(statement, scope, TARGET)?;
    write_where(statement, scope, &find.filter)?;
    groups.write(statement);
    write_order(statement, scope, &find.order)?;
    write_window(statement, find.window);
    Ok(())
}

/// Writes the order of rows.
pub(super) fn write_order<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    order: &'a [OrderBy],
) -> Result<(), Error> {
    for (place, term) in order.iter().enumerate() {
        statement.sql(if place > 0 { ", " } else { " order by " });
        match &term.embed {
            None => field::resolve(scope, &term.field)?.write(statement, &scope.alias),
            Some(name) => {
                let embedded = scope.ordering(name)?;
                let field = field::resolve(&embedded.scope, &term.field)?;
                embed::write_value(statement, embedded, &scope.alias, |statement, alias| {
                    field.write(statement, alias);
                })?;
            }
        }
        statement.sql(if term.descending { " desc" } else { "" });
        statement.sql(match term.nulls {
            Some(NullsOrder::First) => " nulls first",
            Some(NullsOrder::Last) => " nulls last",
            None => "",
        });
    }
    Ok(())
}

/// Writes which part of the rows is wanted.
pub(super) fn write_window(statement: &mut Statement<'_>, window: Window) {
    if let Some(limit) = window.limit {
        statement
            .sql(" limit ")
            .parameter(Parameter::number(limit))
            .sql("::int8");
    }
    if window.offset > 0 {
        statement
            .sql(" offset ")
            .parameter(Parameter::number(window.offset))
            .sql("::int8");
    }
}

/// Writes the remaining columns of the answer: the total where it is asked for, nothing new, no key.
fn write_total<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    find: &'a Find,
    rows: &str,
) -> Result<(), Error> {
    match find.count {
        None | Some(Count::Planned) => {
            statement.sql(", null::text");
        }
        Some(_) if is_whole(find) => {
            statement.sql(", ").sql(rows).sql("::text");
        }
        Some(Count::Exact) => {
            statement.sql(", (select count(*)");
            write_matching(statement, scope, find)?;
            statement.sql(")::text");
        }
        Some(Count::Estimated) => {
            statement.sql(", (select count(*) from (select");
            write_matching(statement, scope, find)?;
            statement
                .sql(" limit ")
                .parameter(Parameter::number(COUNTED + 1))
                .sql("::int8) as _turnout_counted)::text");
        }
    }
    statement.sql(", '0'::text, null::text");
    Ok(())
}

/// Writes ` from` all rows that match, also those outside the window.
fn write_matching<'a>(statement: &mut Statement<'a>, scope: &Scope<'_, 'a>, find: &'a Find) -> Result<(), Error> {
    statement
        .sql(" from ")
        .sql(&scope.table.qualified)
        .sql(" as ")
        .sql(TARGET);
    write_where(statement, scope, &find.filter)
}

/// Whether the answer has a row for each row that matches.
fn is_whole(find: &Find) -> bool {
    find.window == Window::default() && !Selected::aggregates(&find.select)
}

/// Whether the planner has a say in how many rows match, of which this many were counted.
pub(crate) fn is_estimated(find: &Find, counted: Option<u64>) -> bool {
    match find.count {
        Some(Count::Planned) => true,
        Some(Count::Estimated) => !is_whole(find) && counted > Some(COUNTED.into()),
        Some(Count::Exact) | None => false,
    }
}

/// The statement that has the planner estimate how many rows match.
pub(crate) fn planned_count<'a>(scope: &Scope<'_, 'a>, find: &'a Find) -> Result<Statement<'a>, Error> {
    let mut statement = Statement::default();
    statement.sql("select");
    write_matching(&mut statement, scope, find)?;
    statement.check_types();
    Ok(statement.explained(&Explain {
        json: true,
        options: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::OrderBy;

    use super::super::fixtures::{clients, phone_is};
    use super::*;

    #[test]
    fn a_lookup_is_one_scan() {
        let request = Find {
            filter: phone_is("8"),
            ..Find::default()
        };
        assert_eq!(
            find(&Scope::of(&clients()), &request, Carried::default(), false)
                .unwrap()
                .text,
            "select coalesce(json_agg(_turnout_row), '[]')::text, count(*)::text, null::text, '0'::text, null::text, null::text, \
             nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '') \
             from (select _turnout.* from \"public\".\"clients\" as _turnout where _turnout.\"phone\" = $1::text) \
             as _turnout_row"
        );
    }

    #[test]
    fn a_count_beyond_the_window_is_a_second_scan_and_without_a_window_none() {
        let order = vec![OrderBy {
            embed: None,
            field: "id".into(),
            descending: true,
            nulls: Some(NullsOrder::Last),
        }];
        let window = Window {
            offset: 5,
            limit: Some(10),
        };
        let mut request = Find {
            filter: phone_is("8"),
            order,
            window,
            count: Some(Count::Exact),
            ..Find::default()
        };
        let written = find(&Scope::of(&clients()), &request, Carried::default(), false).unwrap();
        assert_eq!(written.text.matches("where _turnout.\"phone\" = $").count(), 2);
        assert!(
            written
                .text
                .contains("order by _turnout.\"id\" desc nulls last limit $3::int8 offset $4::int8")
        );
        assert_eq!(written.parameters.len(), 4);

        request.window = Window::default();
        assert_eq!(
            find(&Scope::of(&clients()), &request, Carried::default(), false)
                .unwrap()
                .text
                .matches("where")
                .count(),
            1
        );
    }
}
