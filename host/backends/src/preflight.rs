//! What `turnout preflight` asks of one side. Each question runs in a read-only transaction and needs no installation.

mod sample;

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::database::Database;
use crate::error::Error;
use crate::protocol::names;
use crate::sql::{Parameter, Statement};
use crate::wire::{Isolation, Json, Listed, Why};

pub use sample::RowSample;

/// Refuses every change until the transaction ends, and has PostgreSQL write the schema of every name.
const BEGIN: &str = "select set_config('transaction_read_only', 'on', true) || set_config('search_path', '', true)";

/// How many of the rows that a question finds are shown.
const SHOWN: u8 = 10;

/// The rows that a question finds.
#[derive(Clone, Debug, Deserialize)]
pub struct FoundRows {
    /// How many there are.
    pub rows: u64,
    /// The first of them, each as the JSON array of its columns.
    pub first: Vec<Box<RawValue>>,
}

impl Database {
    /// What the database is, and what the tables of the repositories and these schemas hold, as JSON that `T` is read from.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn catalogue<T: DeserializeOwned>(&self, schemas: &[String]) -> Result<T, Error> {
        let [tables, of_schemas] = names(self.repositories());
        let parameters = [tables, of_schemas, Parameter::list(schemas)];
        self.told(include_str!("preflight/catalogue.sql"), &parameters).await
    }

    /// What goes on in the database beside Turnout, with the transactions that have been open for longer than this, as JSON that `T` is
    /// read from.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn surroundings<T: DeserializeOwned>(&self, long: Duration) -> Result<T, Error> {
        let long = long.as_secs_f64().to_string();
        self.told(include_str!("preflight/surroundings.sql"), &[Parameter::text(&long)])
            .await
    }

    /// Counts the rows that a query finds, and answers with the first of them. Their columns are the query's.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn found_by(&self, query: &str) -> Result<FoundRows, Error> {
        let question = format!(
            "with _turnout_found as ({query}), \
             _turnout_first as (select * from _turnout_found limit {SHOWN}) \
             select json_build_object('rows', (select count(*) from _turnout_found), 'first', coalesce((select json_agg(\
             (select json_agg(_turnout_value.value) from json_each(to_json(_turnout_first)) as _turnout_value)) \
             from _turnout_first), '[]'))::text"
        );
        self.told(&question, &[]).await
    }

    /// The JSON that a question is answered with.
    async fn told<T: DeserializeOwned>(&self, question: &str, parameters: &[Parameter<'_>]) -> Result<T, Error> {
        let list = [
            Listed::Run(Statement::new(BEGIN, &[])),
            Listed::Run(Statement::new(question, parameters)),
        ];
        let answers = self.protocol().run_list(&list, Isolation::RepeatableRead).await;
        let mut answers = answers.map_err(|undone| self.failed(undone.why))?;
        let Json(told) = answers
            .get_mut(1)
            .ok_or_else(|| self.unexpected("there is no answer"))?
            .take(0)
            .map_err(|misread| self.misread(&misread))?;
        Ok(told)
    }

    fn failed(&self, why: Why<Error>) -> Error {
        match why {
            Why::Failed(error) => error,
            Why::Unforeseen(_) | Why::Unresolved(_) => self.unexpected("a question was not asked"),
        }
    }

    fn unexpected(&self, reason: &str) -> Error {
        Error::Unexpected {
            backend: self.backend(),
            reason: reason.to_owned(),
        }
    }
}
