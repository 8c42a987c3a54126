//! The answer to a write: the statement that writes is wrapped, so that the same round trip returns what it wrote.

use turnout_vocabulary::Returning;

use super::{Parameter, Statement, TARGET, selection};
use crate::error::{ColumnUse, Error};
use crate::schema::Table;

/// A written row, inside the answer's statement.
const ROW: &str = "(_turnout_written._turnout_tuple)";

/// Marks the number of rows in the error that takes a write back.
const REFUSED_SINGLE: &str = "turnout: rows = ";

/// Which of the written rows are new.
#[derive(Clone, Copy)]
pub(super) enum New<'t> {
    /// None.
    None,
    /// All.
    All,
    /// Those whose key, in these columns, was not taken; the others have been updated.
    Merged(&'t [String]),
}

/// Opens the statement; the one that writes follows, with [`TARGET`] as the table's name.
pub(super) fn open(statement: &mut Statement<'_>) {
    statement.sql("with _turnout_written as (");
}

/// Closes the statement: returns what the one before has written, and sets the epoch that triggers check before they fire.
pub(super) fn close<'a>(
    statement: &mut Statement<'a>,
    table: &Table,
    key: &[String],
    returning: &'a Returning,
    new: New<'_>,
    carried: Option<&'a str>,
) -> Result<(), Error> {
    statement.sql(" returning ").sql(TARGET).sql(" as _turnout_tuple");
    if matches!(new, New::Merged(_)) && table.is_plain() {
        // An upsert leaves its transaction's number in the rows that it updates.
        statement.sql(", ").sql(TARGET).sql(".xmax = 0 as _turnout_new");
    }
    statement.sql(") select ");
    write_body(statement, table, returning)?;
    if returning.single {
        statement.sql(", ");
        write_single_count(statement, "count(*)");
    } else {
        statement.sql(", count(*)::text");
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
    if let Some(epoch) = carried {
        // A condition on nothing else is looked at first: the epoch is set before the statement fires any trigger, as those that fire
        // before it may write to other tables served.
        statement
            .sql(", pg_current_xact_id()::text from _turnout_written where (select set_config('turnout.epoch', ")
            .parameter(Parameter::text(epoch))
            .sql(", true)) is not null");
    } else {
        statement.sql(", null::text from _turnout_written");
    }
    Ok(())
}

/// Writes the number of rows. The cast fails unless there is one row, and that takes back what the transaction has done.
pub(super) fn write_single_count(statement: &mut Statement<'_>, count: &str) {
    statement.sql(&format!(
        "(case when {count} = 1 then 1 else ('{REFUSED_SINGLE}' || {count})::int8 end)::text"
    ));
}

fn write_new(statement: &mut Statement<'_>, table: &Table, new: New<'_>) {
    match new {
        New::None => {
            statement.sql(", '0'::text");
        }
        New::All => {
            statement.sql(", count(*)::text");
        }
        New::Merged(_) if table.is_plain() => {
            statement.sql(", (count(*) filter (where _turnout_written._turnout_new))::text");
        }
        New::Merged(key) => {
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

fn write_body<'a>(statement: &mut Statement<'a>, table: &Table, returning: &'a Returning) -> Result<(), Error> {
    let Some(columns) = &returning.rows else {
        statement.sql("''::text");
        return Ok(());
    };
    statement.sql(if returning.single {
        "(select row_to_json(_turnout_row)::text from (select "
    } else {
        "(select coalesce(json_agg(_turnout_row), '[]')::text from (select "
    });
    selection::write(statement, table, columns, ROW)?;
    statement.sql(" from _turnout_written");
    statement.sql(if returning.single { " limit 1" } else { "" });
    statement.sql(") as _turnout_row)");
    Ok(())
}

/// The number of rows in the message of the error that takes a write back, if this is its message.
pub(crate) fn rows_of_refused_single(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once(REFUSED_SINGLE)?;
    rest.split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::rows_of_refused_single;

    #[test]
    fn the_number_of_rows_is_found_in_the_error_that_takes_a_write_back() {
        let message = "invalid input syntax for type bigint: \"turnout: rows = 12\"";
        assert_eq!(rows_of_refused_single(message), Some(12));
        assert_eq!(rows_of_refused_single("duplicate key value"), None);
    }
}
