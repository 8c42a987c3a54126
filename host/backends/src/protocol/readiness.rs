use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::seconds;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What was proved, as it is kept.
#[derive(Clone, Debug, Deserialize)]
pub struct NewestEvidence {
    /// Its number.
    pub number: u64,
    /// What kind of proof it is: `verify`, say.
    pub kind: String,
    /// How long ago it was kept.
    #[serde(rename = "age_seconds", deserialize_with = "seconds")]
    pub age: Duration,
    /// The repositories that it is about.
    pub repositories: Vec<String>,
    /// What came out.
    pub result: Value,
}

/// The first place at which the chain of the evidence is broken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EvidenceGap {
    /// The number of the evidence.
    pub number: u64,
    /// What is wrong with it, in words that follow its number.
    pub reason: String,
}

/// How a server archives its write-ahead log, which is all that SQL tells of backups.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Archiving {
    /// Whether it archives at all.
    pub on: bool,
    /// Whether the last attempt failed.
    pub fails: bool,
    /// How long ago a file was last archived, in seconds; `None` if none was.
    pub age_seconds: Option<f64>,
}

/// What is on record of the time in which both sides answered.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ParallelMinutes {
    /// How long.
    #[serde(rename = "lasted_seconds", deserialize_with = "seconds")]
    pub lasted: Duration,
    /// How many operations were done.
    pub operations: u64,
    /// How many of them ended in an error.
    pub errors: u64,
    /// How many rows of reads were compared and settled.
    pub compared: u64,
    /// How many of them differed.
    pub diverged: u64,
}

impl Database {
    /// Of each kind of evidence the newest, of each kind and repository the newest that names it, and the newest drift that tells of a
    /// change; in the order of their numbers.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn newest_evidence(&self) -> Result<Vec<NewestEvidence>, Error> {
        self.rows(
            "select number, kind, age_seconds, repositories, result from turnout.newest_evidence()",
            &[],
        )
        .await
    }

    /// The newest evidence of a kind; `None` if there is none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn last_evidence(&self, kind: &str) -> Result<Option<NewestEvidence>, Error> {
        let last = self
            .rows(
                "select number, kind, age_seconds, repositories, result from turnout.last_evidence($1)",
                &[Parameter::text(kind)],
            )
            .await;
        Ok(last?.pop())
    }

    /// Where the chain of the evidence is broken first; `None` if it is whole.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn evidence_gap(&self) -> Result<Option<EvidenceGap>, Error> {
        let gaps = self.rows("select number, reason from turnout.evidence_gap()", &[]);
        Ok(gaps.await?.pop())
    }

    /// How long both sides have run in parallel; `None` if nothing is on record of the last twelve hours.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn parallel_run(&self) -> Result<Option<ParallelMinutes>, Error> {
        let run = self.rows(
            "select lasted_seconds, operations, errors, compared, diverged from turnout.parallel_run()",
            &[],
        );
        Ok(run.await?.pop())
    }

    /// How the server archives its write-ahead log.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn archiving(&self) -> Result<Archiving, Error> {
        self.row(
            "select pg_catalog.current_setting('archive_mode') <> 'off' as on, \
             coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as fails, \
             extract(epoch from clock_timestamp() - last_archived_time)::double precision as age_seconds \
             from pg_catalog.pg_stat_archiver",
            &[],
        )
        .await
    }
}
