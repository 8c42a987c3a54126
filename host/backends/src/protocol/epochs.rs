use std::time::Duration;

use serde::Deserialize;
use turnout_vocabulary::{Backend, Epoch};

use super::fence::number;
use super::seconds;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Hex;

/// One policy set that is or was in force, as both sides have written it down.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EpochRecord {
    /// Its number.
    pub epoch: Epoch,
    /// The set, as JSON.
    pub set: String,
    /// The side that a forced failover made the authority of everything.
    pub forced: Option<Backend>,
    /// Whether it is released: no older write can commit any more, and none is left to be mirrored.
    pub released: bool,
    /// How long ago it was made.
    #[serde(deserialize_with = "seconds")]
    pub age: Duration,
    /// The repositories whose sides have been compared since the set began to mirror them.
    pub converged: Vec<String>,
    /// What must be the same on every host under it, as JSON; `None` if an earlier version of Turnout recorded it.
    pub site: Option<String>,
}

/// How much of the past both sides keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSets {
    /// How many distinct sets that were released.
    pub sets: u32,
    /// How many bytes they may take, settings and modules together.
    pub bytes: u64,
}

impl Default for KeptSets {
    fn default() -> Self {
        Self {
            sets: 1000,
            bytes: 256 << 20,
        }
    }
}

/// The newest epochs that a side knows of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct NewestEpochs {
    /// The newest that is released.
    pub released: Option<Epoch>,
    /// The newest of all.
    pub newest: Option<Epoch>,
}

impl Database {
    /// Writes an epoch down. False if another of its number stands there already. `modules` are those of its set that may
    /// not be there yet. Sets that are not `kept` any longer go.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn record_epoch(&self, record: &EpochRecord, modules: &[&[u8]], kept: KeptSets) -> Result<bool, Error> {
        self.write_epoch(record, modules, kept, false).await
    }

    /// Writes an epoch down that abandons the one before it, and is released by that. False if that one is released already,
    /// or another of its number stands there. Only `old` decides it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn record_abandonment(&self, record: &EpochRecord, kept: KeptSets) -> Result<bool, Error> {
        self.write_epoch(record, &[], kept, true).await
    }

    async fn write_epoch(
        &self,
        record: &EpochRecord,
        modules: &[&[u8]],
        kept: KeptSets,
        abandons: bool,
    ) -> Result<bool, Error> {
        self.value(
            "select (case when turnout.record_epoch($1::int8, $2::json, nullif($3, ''), $4::text[],
                    array(select decode(module, 'hex') from unnest($5::text[]) as module), $9 <> '0', $7::integer, $8::int8)
                then turnout.describe_site($1::int8, nullif($6, '')) else false end)::text",
            &[
                number(record.epoch),
                Parameter::text(&record.set),
                Parameter::text(record.forced.map_or("", Backend::as_str)),
                Parameter::list(&record.converged),
                Parameter::list(modules.iter().map(hex::encode)),
                Parameter::text(record.site.as_deref().unwrap_or_default()),
                Parameter::number(kept.sets.min(i32::MAX.unsigned_abs())),
                Parameter::number(i64::try_from(kept.bytes).unwrap_or(i64::MAX)),
                Parameter::number(abandons),
            ],
        )
        .await
    }

    /// The epochs from this one on, oldest first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn epochs(&self, since: Epoch) -> Result<Vec<EpochRecord>, Error> {
        self.rows(
            "select epoch, set, forced, released, age_seconds as age, converged, turnout.site_at(epoch) as site \
             from turnout.epochs($1::int8)",
            &[number(since)],
        )
        .await
    }

    /// The newest epochs known here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn newest_epochs(&self) -> Result<NewestEpochs, Error> {
        self.row("select released, newest from turnout.newest_epochs()", &[])
            .await
    }

    /// The bytes of a module, by its SHA-256; `None` if there is none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn module_bytes(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        let bytes: Option<Hex> = self
            .value(
                "select encode(turnout.module_bytes($1), 'hex')",
                &[Parameter::text(digest)],
            )
            .await?;
        Ok(bytes.map(|Hex(bytes)| bytes))
    }

    /// Releases an epoch. False if a newer epoch was recorded first, which abandons this one. Only `old` decides it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn release_epoch(&self, epoch: Epoch) -> Result<bool, Error> {
        self.value("select turnout.release_epoch($1::int8)::text", &[number(epoch)])
            .await
    }

    /// Notes that an epoch is released, as the other side has decided.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_released(&self, epoch: Epoch) -> Result<(), Error> {
        self.call("select turnout.note_released($1::int8)::text", &[number(epoch)])
            .await
    }

    /// Notes that both sides of repositories have been compared under an epoch.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_converged(&self, epoch: Epoch, repositories: &[String]) -> Result<(), Error> {
        self.call(
            "select turnout.note_converged($1::int8, $2::text[])::text",
            &[number(epoch), Parameter::list(repositories)],
        )
        .await
    }
}
