use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_vocabulary::Repository;

use crate::database::Database;
use crate::error::Error;
use crate::sql::{Parameter, Statement, quoted};
use crate::wire::{Isolation, Listed};

/// Rows of a table; `Debug` shows none.
#[derive(Deserialize)]
pub struct RowSample {
    /// How many there are.
    pub rows: u64,
    /// They as a JSON array.
    pub json: Box<RawValue>,
}

impl std::fmt::Debug for RowSample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowSample")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// How many rows a table has.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn count_rows(&self, repository: &Repository) -> Result<u64, Error> {
        let question = format!("select count(*)::text from {}", qualified(repository));
        self.told(&question, &[]).await
    }

    /// About so many rows of a table that has so many in all, from pages by chance.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn sample(&self, repository: &Repository, of: u64, rows: u64) -> Result<RowSample, Error> {
        let percent = (u128::from(rows) * 100 / u128::from(of.max(1)) + 1).min(100);
        let question = format!(
            "select json_build_object('rows', count(*), 'json', coalesce(json_agg(_turnout_row), '[]'))::text \
             from (select * from {} tablesample system ({percent}) limit {rows}) as _turnout_row",
            qualified(repository)
        );
        self.told(&question, &[]).await
    }

    /// Writes rows to a temporary table that is like this one, with its indexes, and is gone afterwards.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); also if the rows do not fit the table.
    pub async fn try_sample(&self, repository: &Repository, sample: &RowSample) -> Result<(), Error> {
        let table = qualified(repository);
        let make = format!("create temporary table _turnout_sample (like {table} including indexes) on commit drop");
        let mut make = Statement::new(&make, &[]);
        // It answers with no row.
        make.in_lines = true;
        let fill = Statement::new(
            &format!(
                "with _turnout_written as (insert into pg_temp._turnout_sample \
                 select * from json_populate_recordset(null::{table}, $1::json) returning 1) \
                 select count(*)::text from _turnout_written"
            ),
            &[Parameter::text(sample.json.get())],
        );
        let list = [Listed::Run(make), Listed::Run(fill)];
        let done = self.protocol().run_list(&list, Isolation::ReadCommitted).await;
        done.map(drop).map_err(|undone| self.failed(undone.why))
    }
}

fn qualified(repository: &Repository) -> String {
    format!("{}.{}", quoted(&repository.schema), quoted(&repository.table))
}
