//! What the two sides are asked beside operations: each function of the SQL installation, said in the vocabulary.
//!
//! They have connections of their own, so that an application which keeps all of its connections busy cannot hold up the
//! mirror or a handoff.

mod baseline;
mod capture;
mod cleanup;
mod compare;
mod cutover;
mod divergence;
mod drained;
mod epochs;
mod evidence;
mod failover;
mod fence;
mod gaps;
mod handover;
mod installed;
mod kept_evidence;
mod lease;
mod minutes;
mod numbering;
mod parked;
mod ranges;
mod readiness;
mod retire;
mod rewound;
mod shapes;
mod site;
mod source;
mod taken;
mod target;
mod walk;
mod whose;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer};
use turnout_vocabulary::Repository;

pub use cleanup::{
    ArchivedRow, KeptCleanup, PutBack, PutBackRows, Referring, RemovedRow, ReviewedRow, ReviewedTable, RowToPutBack,
};
pub use divergence::{Comparisons, FoundDivergence, KeyEvent, NotedDivergence, OpenDivergence};
pub use drained::{Group, LeftOf};
pub use epochs::{EpochRecord, KeptSets, NewestEpochs};
pub use evidence::Evidence;
pub use fence::FenceHolder;
pub use gaps::{Gap, GapKind, Traces};
pub use handover::Receipt;
pub use installed::NotInstalled;
pub use kept_evidence::KeptEvidence;
pub use minutes::{Alerts, MinuteAlerts, MinuteRow, Minutes, OperationMinutes, PastHandoff};
pub use numbering::{Count, Counted, Numbering};
pub use parked::{MirrorStanding, ParkedKey};
pub use ranges::{Chunk, ChunkEnd, CopyColumn, CopyShape, DirtyRange};
pub use readiness::{Archiving, EvidenceGap, NewestEvidence, ParallelMinutes};
pub use rewound::{Rewound, Ticks};
pub use shapes::schema_differences;
pub use source::{Ack, Diverged, Failed, Leftover, Resolved};
pub use taken::{DirtyKey, Stopped, Taken, TakenPart};
pub use target::{ChangedRows, NotApplied, TableChange};
pub use walk::{ComparedRow, KeyOrder, KeyRange, Looked, PartDigest, RowHash, RowTexts};
pub use whose::{Moment, SubjectPages};

use crate::database::Database;
use crate::error::Error;
use crate::sql::{Parameter, Statement};
use crate::wire::{FromText, Json};

impl Database {
    /// Calls a function of the installation, whatever it answers.
    async fn call(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<(), Error> {
        let statement = Statement::new(text, parameters);
        self.protocol().run_once(&statement).await.map(drop)
    }

    /// The one value that a function answers with, as text.
    async fn value<T: FromText>(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<T, Error> {
        let statement = Statement::new(text, parameters);
        let mut answer = self.protocol().run_once(&statement).await?;
        answer.take(0).map_err(|misread| self.misread(&misread))
    }

    /// The rows that a query answers with, each a JSON object of its columns.
    async fn rows<T: DeserializeOwned>(&self, query: &str, parameters: &[Parameter<'_>]) -> Result<Vec<T>, Error> {
        let query = format!("select coalesce(json_agg(_turnout_row), '[]')::text from ({query}) as _turnout_row");
        let Json(rows) = self.value(&query, parameters).await?;
        Ok(rows)
    }

    /// The one row that a query answers with, a JSON object of its columns.
    async fn row<T: DeserializeOwned>(&self, query: &str, parameters: &[Parameter<'_>]) -> Result<T, Error> {
        let query = format!("select row_to_json(_turnout_row)::text from ({query}) as _turnout_row");
        let Json(row) = self.value(&query, parameters).await?;
        Ok(row)
    }
}

/// The schemas and the names of tables, each as one parameter.
pub(crate) fn names(repositories: &[Repository]) -> [Parameter<'static>; 2] {
    [
        Parameter::list(repositories.iter().map(|repository| &repository.schema)),
        Parameter::list(repositories.iter().map(|repository| &repository.table)),
    ]
}

/// Reads a number of seconds.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    f64::deserialize(deserializer).map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
}
