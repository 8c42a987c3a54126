use turnout_vocabulary::{Conflict, Insert, Resolution, Rows};

use super::carried::Carried;
use super::filter::write_conditions;
use super::written::{self, New};
use super::{Parameter, Statement, TARGET, quoted_text};
use crate::error::{ColumnUse, Error};
use crate::plan::Scope;
use crate::schema::{Generated, Table, TableColumn};

/// Adds rows, and updates or keeps those whose key is taken where the request says so.
pub(super) fn insert<'a>(
    scope: &Scope<'_, 'a>,
    key: &[String],
    insert: &'a Insert,
    carried: Carried<'a>,
) -> Result<Statement<'a>, Error> {
    let table = scope.table;
    let columns = &insert.rows.columns;
    if insert.keyed.is_some() && !key.iter().all(|column| columns.contains(column)) {
        return Err(Error::AnotherKey);
    }
    let mut statement = Statement::default();
    written::open(&mut statement);
    statement
        .sql("insert into ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET)
        .sql(" ");
    if columns.is_empty() {
        // As many rows as were sent, each of defaults only.
        statement
            .sql("select from json_array_elements(")
            .parameter(Parameter::rows(&insert.rows))
            .sql("::json)");
    } else {
        statement.sql("(").list(columns, |statement, column| {
            statement.identifier(column);
        });
        statement.sql(") select ").list(columns, |statement, column| {
            statement.sql("_turnout_sent.").identifier(column);
        });
        write_sent(&mut statement, table, &insert.rows)?;
        if let Some(key) = &insert.keyed {
            write_conditions(&mut statement, &scope.alone(), key, "_turnout_sent", " where ")?;
        }
    }
    let new = match &insert.conflict {
        Some(conflict) => write_conflict(&mut statement, table, conflict, columns)?,
        None => New::All,
    };
    let new = match new {
        New::Merged(key) if insert.keyed.is_some() => New::Keyed(key),
        new => new,
    };
    written::close(&mut statement, scope, key, &insert.returning, new, carried)?;
    Ok(statement)
}

/// Writes ` from` the rows that were sent, as columns of their types.
pub(super) fn write_sent<'a>(statement: &mut Statement<'a>, table: &Table, rows: &'a Rows) -> Result<(), Error> {
    let columns = rows
        .columns
        .iter()
        .map(|column| table.column(column, ColumnUse::Written))
        .collect::<Result<Vec<_>, _>>()?;
    if rows.defaults {
        write_sent_or_default(statement, table, rows, &columns);
        return Ok(());
    }
    statement
        .sql(" from json_to_recordset(")
        .parameter(Parameter::rows(rows))
        .sql("::json) as _turnout_sent(");
    statement.list(columns, |statement, column| {
        statement
            .identifier(&column.name)
            .sql(" ")
            .type_of(TARGET, table, column);
    });
    statement.sql(")");
    Ok(())
}

/// The same with a column's default where an object lacks the column. As in PostgREST each row evaluates all defaults, so a sequence
/// counts all rows.
fn write_sent_or_default<'a>(statement: &mut Statement<'a>, table: &Table, rows: &'a Rows, columns: &[&TableColumn]) {
    statement.sql(" from (select ").list(columns, |statement, column| {
        if default_of(table, column).is_some() {
            statement
                .sql("case when _turnout_object._turnout_value->")
                .sql(&quoted_text(&column.name))
                .sql(" is null then _turnout_object.")
                .identifier(&column.name)
                .sql(" else _turnout_values.")
                .identifier(&column.name)
                .sql(" end as ")
                .identifier(&column.name);
        } else {
            statement.sql("_turnout_values.").identifier(&column.name);
        }
    });
    statement.sql(" from (select _turnout_value");
    for column in columns {
        if let Some(default) = default_of(table, column) {
            statement.sql(", ").sql(&default).sql(" as ").identifier(&column.name);
        }
    }
    statement
        .sql(" from json_array_elements(")
        .parameter(Parameter::rows(rows))
        .sql("::json) as _turnout_elements(_turnout_value)) as _turnout_object, ")
        .sql("lateral json_to_record(_turnout_object._turnout_value) as _turnout_values(");
    statement.list(columns, |statement, column| {
        statement
            .identifier(&column.name)
            .sql(" ")
            .type_of(TARGET, table, column);
    });
    statement.sql(")) as _turnout_sent");
}

/// What fills a column that nothing is written to, unless that is null. `default` itself can't stand in a `select`.
fn default_of(table: &Table, column: &TableColumn) -> Option<String> {
    match column.generated {
        Generated::IdentityAlways | Generated::IdentityByDefault => Some(format!(
            "nextval(pg_get_serial_sequence({}, {}))",
            quoted_text(&table.qualified),
            quoted_text(&column.name)
        )),
        Generated::No => column.default.clone(),
        Generated::Stored => None,
    }
}

/// The columns of the key that decides an upsert.
pub(super) fn conflict_target<'t>(table: &'t Table, conflict: &'t Conflict) -> &'t [String] {
    if conflict.columns.is_empty() {
        &table.primary_key
    } else {
        &conflict.columns
    }
}

/// Writes what becomes of rows whose key is taken, and says which of the written ones are new.
fn write_conflict<'t>(
    statement: &mut Statement<'_>,
    table: &'t Table,
    conflict: &'t Conflict,
    sent: &[String],
) -> Result<New<'t>, Error> {
    let target = conflict_target(table, conflict);
    // Without a primary key there is nothing that could be taken.
    if target.is_empty() {
        return Ok(New::All);
    }
    for column in target {
        table.column(column, ColumnUse::Read)?;
    }
    statement.sql(" on conflict (").list(target, |statement, column| {
        statement.identifier(column);
    });
    if conflict.resolution == Resolution::Ignore || sent.is_empty() {
        statement.sql(") do nothing");
        return Ok(New::All);
    }
    statement.sql(") do update set ").list(sent, |statement, column| {
        statement.identifier(column).sql(" = excluded.").identifier(column);
    });
    Ok(New::Merged(target))
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::Returning;

    use super::super::fixtures::clients;
    use super::*;

    #[test]
    fn an_upsert_updates_all_columns_that_were_sent() {
        let request = Insert {
            rows: Rows {
                json: "[]".into(),
                columns: vec!["id".into(), "phone".into()],
                ..Rows::default()
            },
            conflict: Some(Conflict {
                columns: vec![],
                resolution: Resolution::Merge,
            }),
            keyed: None,
            returning: Returning::default(),
        };
        assert_eq!(
            insert(&Scope::of(&clients()), &["id".into()], &request, Carried::default())
                .unwrap()
                .text,
            "with _turnout_written as (insert into \"public\".\"clients\" as _turnout (\"id\", \"phone\") \
             select _turnout_sent.\"id\", _turnout_sent.\"phone\" \
             from json_to_recordset($1::json) as _turnout_sent(\"id\" integer, \"phone\" text) \
             on conflict (\"id\") do update set \"id\" = excluded.\"id\", \"phone\" = excluded.\"phone\" \
             returning _turnout as _turnout_tuple, _turnout.xmax = 0 as _turnout_new) \
             select ''::text, count(*)::text, null::text, \
             (count(*) filter (where _turnout_written._turnout_new))::text, null::text, null::text, \
             nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '') \
             from _turnout_written"
        );
    }

    #[test]
    fn a_column_that_the_table_lacks_can_not_be_written() {
        let request = Insert {
            rows: Rows {
                json: "[]".into(),
                columns: vec!["nope".into()],
                ..Rows::default()
            },
            conflict: None,
            keyed: None,
            returning: Returning::default(),
        };
        let refused = insert(&Scope::of(&clients()), &[], &request, Carried::default());
        assert!(matches!(
            refused,
            Err(Error::UnknownColumn {
                usage: ColumnUse::Written,
                ..
            })
        ));
    }
}
