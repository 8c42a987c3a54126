use turnout_vocabulary::Filter;

use super::filter::write_where;
use super::{Statement, TARGET};
use crate::error::{Error, Place};
use crate::schema::Table;

/// The distinct values of the subject column among the rows that match, as one array of texts.
pub(crate) fn subjects<'a>(table: &Table, column: &str, filter: &'a Filter) -> Result<Statement<'a>, Error> {
    table.column(column, Place::Read)?;
    let mut statement = Statement::default();
    statement
        .sql("select coalesce(array_agg(distinct ")
        .sql(TARGET)
        .sql(".")
        .identifier(column);
    statement
        .sql("::text), '{}') from ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET);
    write_where(&mut statement, table, filter)?;
    Ok(statement)
}
