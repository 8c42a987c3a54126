//! The answer to a write: the statement that writes is wrapped, so that the same round trip returns what it wrote.

use turnout_vocabulary::{Filter, Returning};

use super::carried::Carried;
use super::filter::write_conditions;
use super::{Parameter, SAID, Statement, TARGET, body, embed, selection};
use crate::error::{ColumnUse, Error};
use crate::plan::Scope;
use crate::schema::Table;

/// A written row, inside the answer's statement.
const ROW: &str = "(_turnout_written._turnout_tuple)";

/// The filter that all rows match.
const EVERY: &Filter = &Filter::All(Vec::new());

/// Marks the number of rows in the error that takes a write back because they are not one.
const REFUSED_SINGLE: &str = "turnout: rows = ";

/// The same because they are not the one whose key the caller names.
const REFUSED_KEY: &str = "turnout: keyed = ";

/// The same because they are too many.
const REFUSED_MANY: &str = "turnout: affected = ";

/// Which of the written rows are new.
#[derive(Clone, Copy)]
pub(super) enum New<'t> {
    /// None.
    None,
    /// All.
    All,
    /// Those whose key, in these columns, was not taken; the others have been updated.
    Merged(&'t [String]),
    /// The same of a write of one row: any other number takes it back.
    Keyed(&'t [String]),
}

/// Opens the statement; the one that writes follows, with [`TARGET`] as the table's name.
pub(super) fn open(statement: &mut Statement<'_>) {
    statement.sql("with _turnout_written as (");
}

/// Closes the statement: returns what the one before has written, and sets the epoch that triggers check before they fire.
pub(super) fn close<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    key: &[String],
    returning: &'a Returning,
    new: New<'_>,
    carried: Carried<'a>,
) -> Result<(), Error> {
    let table = scope.table;
    statement.sql(" returning ").sql(TARGET).sql(" as _turnout_tuple");
    if matches!(new, New::Merged(_) | New::Keyed(_)) && table.is_plain() {
        // An upsert leaves its transaction's number in the rows that it updates.
        statement.sql(", ").sql(TARGET).sql(".xmax = 0 as _turnout_new");
    }
    statement.sql(") select ");
    write_body(statement, scope, returning)?;
    statement.sql(", ");
    if matches!(new, New::Keyed(_)) {
        write_one_count(statement, REFUSED_KEY, "count(*)");
    } else if returning.single {
        write_single_count(statement, "count(*)");
    } else {
        write_count(statement, returning.at_most);
    }
    statement.sql(", null::text");
    write_new(statement, table, new);
    if returning.location && !key.is_empty() {
        for column in key {
            table.column(column, ColumnUse::Read)?;
        }
        statement
            .sql(", case when count(*) = 1 then json_build_array(")
            .list(key, |statement, column| {
                statement
                    .sql("min(")
                    .sql(ROW)
                    .sql(".")
                    .identifier(column)
                    .sql("::text)");
            });
        statement.sql(")::text end");
    } else {
        statement.sql(", null::text");
    }
    statement.sql(match carried.epoch {
        Some(_) => ", pg_current_xact_id()::text",
        None => ", null::text",
    });
    statement.sql(SAID).sql(" from _turnout_written");
    // Triggers that fire before the statement may write to other tables served, so the epoch is set before any does.
    carried.set(statement, carried.epoch);
    Ok(())
}

/// Writes the number of rows, where one is asked for: any other takes back what the transaction has done.
pub(super) fn write_single_count(statement: &mut Statement<'_>, count: &str) {
    write_one_count(statement, REFUSED_SINGLE, count);
}

/// Writes the number of rows. The cast fails unless there is one row, and its error has this mark.
fn write_one_count(statement: &mut Statement<'_>, mark: &str, count: &str) {
    statement.sql(&format!(
        "(case when {count} = 1 then 1 else ('{mark}' || {count})::int8 end)::text"
    ));
}

/// Writes the number of written rows. A cast fails where it is not allowed, and that takes the write back.
pub(super) fn write_count(statement: &mut Statement<'_>, at_most: Option<i64>) {
    match at_most {
        None => {
            statement.sql("count(*)::text");
        }
        Some(most) => {
            statement
                .sql("(case when count(*) <= ")
                .parameter(Parameter::number(most));
            statement.sql(&format!(
                "::int8 then count(*) else ('{REFUSED_MANY}' || count(*))::int8 end)::text"
            ));
        }
    }
}

fn write_new(statement: &mut Statement<'_>, table: &Table, new: New<'_>) {
    match new {
        New::None => {
            statement.sql(", '0'::text");
        }
        New::All => {
            statement.sql(", count(*)::text");
        }
        New::Merged(_) | New::Keyed(_) if table.is_plain() => {
            statement.sql(", (count(*) filter (where _turnout_written._turnout_new))::text");
        }
        New::Merged(key) | New::Keyed(key) => {
            // All parts of a statement see the table as it was before.
            statement
                .sql(", (count(*) - (select count(*) from ")
                .sql(&table.qualified)
                .sql(" as ")
                .sql(TARGET);
            statement.sql(" where (").list(key, |statement, column| {
                statement.sql(TARGET).sql(".").identifier(column);
            });
            statement.sql(") in (select ").list(key, |statement, column| {
                statement.sql(ROW).sql(".").identifier(column);
            });
            statement.sql(" from _turnout_written)))::text");
        }
    }
}

fn write_body<'a>(statement: &mut Statement<'a>, scope: &Scope<'_, 'a>, returning: &'a Returning) -> Result<(), Error> {
    let Some(select) = &returning.rows else {
        statement.sql("''::text");
        return Ok(());
    };
    statement.sql("(with _turnout_rows as (select ");
    let groups = selection::write(statement, scope, select, ROW)?;
    statement.sql(" from _turnout_written");
    embed::write_spreads(statement, scope, ROW)?;
    groups.write_joins(statement, scope, ROW)?;
    write_conditions(statement, scope, EVERY, ROW, " where ")?;
    groups.write(statement);
    if returning.single {
        statement.sql(" limit 1) select ");
        body::write_one(statement, returning.body);
    } else {
        statement.sql(") select ");
        body::write_all(statement, returning.body);
    }
    statement.sql(" from _turnout_rows as _turnout_row)");
    Ok(())
}

/// What an error of PostgreSQL with this message means if it took a write back for the number of its rows.
pub(crate) fn refused_number_of_rows(message: &str) -> Option<Error> {
    let after = |mark| {
        let (_, rest) = message.split_once(mark)?;
        rest.split(|character: char| !character.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    let not_single = after(REFUSED_SINGLE).map(|rows| Error::NotSingle { rows });
    not_single
        .or_else(|| after(REFUSED_MANY).map(|rows| Error::TooManyAffected { rows }))
        .or_else(|| after(REFUSED_KEY).map(|_| Error::AnotherKey))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_rows_is_found_in_the_error_that_takes_a_write_back() {
        let refused = |marked: &str| {
            refused_number_of_rows(&format!("invalid input syntax for type bigint: \"turnout: {marked}\""))
        };
        assert!(matches!(refused("rows = 12"), Some(Error::NotSingle { rows: 12 })));
        assert!(matches!(
            refused("affected = 3"),
            Some(Error::TooManyAffected { rows: 3 })
        ));
        assert!(matches!(refused("keyed = 0"), Some(Error::AnotherKey)));
        assert!(refused("duplicate key value").is_none());
    }
}
