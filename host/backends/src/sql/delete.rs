use turnout_vocabulary::Delete;

use super::carried::Carried;
use super::filter::write_where;
use super::written::{self, New};
use super::{Statement, TARGET};
use crate::error::Error;
use crate::plan::Scope;

/// Removes the rows that match a filter.
pub(super) fn delete<'a>(
    scope: &Scope<'_, 'a>,
    key: &[String],
    delete: &'a Delete,
    carried: Carried<'a>,
) -> Result<Statement<'a>, Error> {
    let mut statement = Statement::default();
    written::open(&mut statement);
    statement
        .sql("delete from ")
        .sql(&scope.table.qualified)
        .sql(" as ")
        .sql(TARGET);
    write_where(&mut statement, &scope.alone(), &delete.filter)?;
    written::close(&mut statement, scope, key, &delete.returning, New::None, carried)?;
    Ok(statement)
}
