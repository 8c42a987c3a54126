use turnout_vocabulary::Delete;

use super::carried::Carried;
use super::filter::write_where;
use super::written::{self, New};
use super::{Statement, TARGET};
use crate::error::Error;
use crate::schema::Table;

/// Removes the rows that match a filter.
pub(super) fn delete<'a>(
    table: &Table,
    key: &[String],
    delete: &'a Delete,
    carried: Carried<'a>,
) -> Result<Statement<'a>, Error> {
    let mut statement = Statement::default();
    written::open(&mut statement);
    statement
        .sql("delete from ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET);
    write_where(&mut statement, table, &delete.filter)?;
    written::close(&mut statement, table, key, &delete.returning, New::None, carried)?;
    Ok(statement)
}
