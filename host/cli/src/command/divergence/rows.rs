use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use turnout_backends::Database;
use turnout_compare::Texts;
use turnout_vocabulary::{Backend, PerBackend, Repository};

/// Prints the rows of a key on both sides, a line for each column. A column that differs is marked.
pub(super) async fn print(
    sides: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    key: &str,
    out: &mut impl Write,
) -> Result<()> {
    let keys = [key];
    let (old, new) = tokio::try_join!(
        sides.old.texts(repository, columns, &keys),
        sides.new.texts(repository, columns, &keys)
    )?;
    let rows = PerBackend { old, new }.map(|mut texts| texts.pop().and_then(|texts| texts.row));
    writeln!(out, "{}  {key}", repository.name)?;
    for backend in Backend::ALL {
        if rows[backend].is_none() {
            writeln!(out, "  backend {backend} has no such row")?;
        }
    }
    for column in columns {
        let [old, new] = [&rows.old, &rows.new].map(|row| text(row.as_ref(), column));
        let mark = if old == new { ' ' } else { '≠' };
        writeln!(out, "{mark} {column}")?;
        writeln!(out, "    old  {old}")?;
        writeln!(out, "    new  {new}")?;
    }
    Ok(())
}

/// The text of a column, as JSON has it, so that spaces and NULL can be told apart.
fn text(row: Option<&Texts>, column: &str) -> String {
    match row.and_then(|row| row.get(column)) {
        None => "(no row)".to_owned(),
        Some(Value::Null) => "NULL".to_owned(),
        Some(value) => value.to_string(),
    }
}
