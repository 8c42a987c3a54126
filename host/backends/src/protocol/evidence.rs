use serde::Deserialize;
use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// What was proved, to be kept.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// What kind of proof it is: `verify`, say.
    pub kind: &'a str,
    /// The machine that it was made on.
    pub host: &'a str,
    /// The version of Turnout.
    pub version: &'a str,
    /// The epoch in force.
    pub epoch: Option<Epoch>,
    /// The repositories that it is about.
    pub repositories: &'a [String],
    /// What came out, as JSON.
    pub result: &'a str,
}

impl Evidence<'_> {
    fn parameters<'p>(&'p self, epoch: &'p str) -> [Parameter<'p>; 6] {
        [
            Parameter::text(self.kind),
            Parameter::text(self.host),
            Parameter::text(self.version),
            Parameter::text(epoch),
            Parameter::list(self.repositories),
            Parameter::text(self.result),
        ]
    }
}

impl Database {
    /// Keeps what was proved here, after all that was kept before; returns its number.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn add_evidence(&self, evidence: &Evidence<'_>) -> Result<i64, Error> {
        let epoch = evidence.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
        self.value(
            "select turnout.add_evidence($1, $2, $3, nullif($4, '')::int8, $5::text[], $6::json)::text",
            &evidence.parameters(&epoch),
        )
        .await
    }

    /// The same unless other evidence of its kind was kept since the entry of this number, 0 for none. `None` then.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn add_evidence_after(&self, after: u64, evidence: &Evidence<'_>) -> Result<Option<i64>, Error> {
        let epoch = evidence.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
        let [kind, host, version, epoch, repositories, result] = evidence.parameters(&epoch);
        let after = Parameter::number(i64::try_from(after).unwrap_or(i64::MAX));
        self.value(
            "select turnout.add_evidence_after($7::int8, $1, $2, $3, nullif($4, '')::int8, $5::text[], $6::json)::text",
            &[kind, host, version, epoch, repositories, result, after],
        )
        .await
    }

    /// The snapshot of a transaction that begins now, as PostgreSQL writes it: which transactions it sees.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn snapshot(&self) -> Result<String, Error> {
        self.value("select pg_current_snapshot()::text", &[]).await
    }

    /// Keeps what a command has done so far, as JSON; `None` forgets it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn keep_unfinished(&self, command: &str, state: Option<&str>) -> Result<(), Error> {
        self.call(
            "select turnout.keep_unfinished($1, nullif($2, '')::json)::text",
            &[Parameter::text(command), Parameter::text(state.unwrap_or_default())],
        )
        .await
    }

    /// What a command had done when it was interrupted, within the last day.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); also if it is of another version and can't be read.
    pub async fn resumed<T: for<'de> Deserialize<'de>>(&self, command: &str) -> Result<Option<T>, Error> {
        let state: Option<Json<T>> = self
            .value("select turnout.resumed($1)::text", &[Parameter::text(command)])
            .await?;
        Ok(state.map(|Json(state)| state))
    }
}
