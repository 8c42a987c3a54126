use turnout_vocabulary::{Filter, Insert};

use super::filter::write_where;
use super::insert::{conflict_target, write_sent};
use super::{Statement, TARGET};
use crate::error::{ColumnUse, Error};
use crate::plan::Scope;
use crate::schema::Table;

/// The distinct values of the subject column among the rows that match, as one JSON array of texts.
pub(crate) fn subjects<'a>(scope: &Scope<'_, 'a>, column: &str, filter: &'a Filter) -> Result<Statement<'a>, Error> {
    let mut statement = select(scope.table, column)?;
    write_where(&mut statement, scope, filter)?;
    statement.check_types();
    Ok(statement)
}

/// The distinct texts of the subject column in the order of their bytes, null left out: all, or those of the row versions that
/// are not older than a transaction.
pub(crate) fn distinct<'a>(table: &Table, column: &str, since: Option<&str>) -> Result<Statement<'a>, Error> {
    table.column(column, ColumnUse::Read)?;
    let mut statement = Statement::default();
    statement
        .sql("select distinct ")
        .sql(TARGET)
        .sql(".")
        .identifier(column);
    statement
        .sql("::text collate pg_catalog.\"C\" as subject from ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET);
    statement
        .sql(" where ")
        .sql(TARGET)
        .sql(".")
        .identifier(column)
        .sql(" is not null");
    // Only a table that keeps its rows itself says which transaction wrote them.
    if let Some(since) = since.filter(|_| table.is_plain()) {
        statement
            .sql(" and pg_catalog.age(")
            .sql(TARGET)
            .sql(".xmin) <= pg_catalog.age('");
        statement.sql(since).sql("'::pg_catalog.xid)");
    }
    statement.sql(" order by 1");
    Ok(statement)
}

/// The texts of the subject column of at most so many rows, null left out: rows of pages from all over a table that keeps its rows
/// itself, else those that PostgreSQL finds first.
pub(crate) fn sample<'a>(table: &Table, column: &str, most: u32) -> Result<Statement<'a>, Error> {
    table.column(column, ColumnUse::Read)?;
    let mut statement = Statement::default();
    statement.sql("select ").sql(TARGET).sql(".").identifier(column);
    statement
        .sql("::text from ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET);
    if table.is_plain() {
        // A table that was never analysed has -1 rows.
        let name = table.qualified.replace('\'', "''");
        statement.sql(&format!(
            " tablesample system ((select least(100, 110.0 * {most} / greatest(reltuples, 1)) from pg_catalog.pg_class \
             where oid = '{name}'::pg_catalog.regclass))"
        ));
    }
    statement
        .sql(" where ")
        .sql(TARGET)
        .sql(".")
        .identifier(column)
        .sql(&format!(" is not null limit {most}"));
    Ok(statement)
}

/// The distinct values of the subject column among the rows whose key an upsert finds taken; `None` if it can find none.
pub(crate) fn conflicting<'a>(table: &Table, column: &str, insert: &'a Insert) -> Result<Option<Statement<'a>>, Error> {
    let Some(conflict) = &insert.conflict else {
        return Ok(None);
    };
    let target = conflict_target(table, conflict);
    if target.is_empty() || !target.iter().all(|column| insert.rows.columns.contains(column)) {
        return Ok(None);
    }
    let mut statement = select(table, column)?;
    for column in target {
        table.column(column, ColumnUse::Read)?;
    }
    statement.sql(" where (").list(target, |statement, column| {
        statement.sql(TARGET).sql(".").identifier(column);
    });
    statement.sql(") in (select ").list(target, |statement, column| {
        statement.sql("_turnout_sent.").identifier(column);
    });
    write_sent(&mut statement, table, &insert.rows)?;
    statement.sql(")");
    statement.check_types();
    Ok(Some(statement))
}

fn select<'a>(table: &Table, column: &str) -> Result<Statement<'a>, Error> {
    table.column(column, ColumnUse::Read)?;
    let mut statement = Statement::default();
    statement
        .sql("select coalesce(json_agg(distinct ")
        .sql(TARGET)
        .sql(".")
        .identifier(column);
    statement
        .sql("::text), '[]')::text from ")
        .sql(&table.qualified)
        .sql(" as ")
        .sql(TARGET);
    Ok(statement)
}
