use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What was proved, as it is kept.
#[derive(Clone, Debug, Deserialize)]
pub struct KeptEvidence {
    /// Its number.
    pub number: i64,
    /// When it was kept, in RFC 3339.
    pub at: String,
    /// What kind of proof it is: `verify`, say.
    pub kind: String,
    /// The machine that it was made on.
    pub host: String,
    /// The version of Turnout.
    pub version: String,
    /// The epoch that was in force.
    pub epoch: Option<Epoch>,
    /// The repositories that it is about.
    pub repositories: Vec<String>,
    /// What came out.
    pub result: Box<RawValue>,
}

impl Database {
    /// What was proved of these kinds, or of all if none is named, from a moment on (a PostgreSQL timestamp such as `-infinity`), oldest
    /// first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn kept_evidence(&self, kinds: &[&str], since: &str) -> Result<Vec<KeptEvidence>, Error> {
        self.rows(
            "select number, at, kind, host, version, epoch, repositories, result \
             from turnout.kept_evidence($1::text[], $2::timestamptz)",
            &[Parameter::list(kinds), Parameter::text(since)],
        )
        .await
    }
}
