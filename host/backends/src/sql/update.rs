use turnout_vocabulary::Update;

use super::carried::Carried;
use super::filter::write_where;
use super::insert::write_sent;
use super::written::{self, New};
use super::{Statement, TARGET};
use crate::error::Error;
use crate::plan::Scope;

/// Changes the rows that match a filter; a change of no columns changes no row.
pub(super) fn update<'a>(
    scope: &Scope<'_, 'a>,
    key: &[String],
    update: &'a Update,
    carried: Carried<'a>,
) -> Result<Statement<'a>, Error> {
    let table = scope.table;
    let mut statement = Statement::default();
    written::open(&mut statement);
    statement
        .sql("update ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET)
        .sql(" set ");
    if update.change.columns.is_empty() {
        // SQL has no such update, so it names any column and matches no row.
        statement.list(table.columns.first(), |statement, column| {
            statement.identifier(&column.name).sql(" = default");
        });
        statement.sql(" where false");
    } else {
        statement.list(&update.change.columns, |statement, column| {
            statement.identifier(column).sql(" = _turnout_sent.").identifier(column);
        });
        write_sent(&mut statement, table, &update.change)?;
        write_where(&mut statement, &scope.alone(), &update.filter)?;
    }
    written::close(&mut statement, scope, key, &update.returning, New::None, carried)?;
    Ok(statement)
}
