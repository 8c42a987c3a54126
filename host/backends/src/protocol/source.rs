use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use sqlx::Row as _;
use turnout_vocabulary::{Epoch, MirrorState};

use super::fence::number;
use super::handover::Receipt;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What an applier took: dirty keys with their rows, and where to go on.
#[derive(Debug, Default)]
pub struct Taken {
    /// The keys.
    pub keys: Vec<DirtyKey>,
    /// The snapshots that the rows were read in, by the number of the table.
    pub seen: HashMap<i16, String>,
    /// The place in the table of dirty keys after which the next ones are; `None` at its end.
    pub place: Option<String>,
    /// The file that the places are in.
    pub file: i64,
}

impl Taken {
    /// How many entries the keys have.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.keys.iter().map(|key| key.entries.len()).sum()
    }
}

/// A key whose row is to be made equal on the other side. `Debug` shows neither key nor row.
pub struct DirtyKey {
    /// The table, by its number on this side.
    pub number: i16,
    /// The key as a JSON object.
    pub key: String,
    /// The texts of the subject column before and after the change, and now.
    pub subjects: Vec<Option<String>>,
    /// The row as JSON, as it is now; `None` if there is none.
    pub row: Option<String>,
    /// The places of its entries.
    pub entries: Vec<String>,
    /// The transactions that made them.
    pub transactions: Vec<i64>,
    /// The oldest epoch that a writer carried, or that was let in when it carried none.
    pub epoch: Epoch,
    /// Whether a writer carried an epoch, so that this side was the authority.
    pub own: bool,
    /// Whether it is held: it could not be applied before.
    pub held: bool,
    /// How often it could not be applied already.
    pub attempts: u32,
    /// How old the first of its changes is.
    pub age: Duration,
}

impl std::fmt::Debug for DirtyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirtyKey")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What became of the keys that were taken.
#[derive(Debug, Default)]
pub struct Ack {
    /// The places of the entries that are done with.
    pub entries: Vec<String>,
    /// Keys that could not be applied.
    pub failed: Vec<Failed>,
    /// Keys that could not be applied before and have been now.
    pub settled: Vec<Settled>,
    /// Keys that are shown and not mirrored.
    pub diverged: Vec<Diverged>,
    /// Keys that the other side has received and may be the authority of: nothing that their rows were read with is left.
    pub receipts: Vec<Receipt>,
    /// Whether it need not reach the disk before it is answered. Until [`Database::persist`], a crash of the server may take it back.
    pub may_be_lost: bool,
}

impl Ack {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.failed.is_empty()
            && self.settled.is_empty()
            && self.diverged.is_empty()
            && self.receipts.is_empty()
    }
}

/// A key that could not be applied.
#[derive(Serialize)]
pub struct Failed {
    /// The table, by its number on this side.
    pub repository: i16,
    /// The key as a JSON object.
    pub key: String,
    /// The texts of the subject column before and after the change, and now.
    pub subjects: Vec<Option<String>>,
    /// The transactions that changed it.
    #[serde(rename = "xids")]
    pub transactions: Vec<i64>,
    /// The epoch of the entry.
    pub epoch: Epoch,
    /// Whether the change was made behind Turnout's back.
    pub behind: bool,
    /// Why it failed, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that it violates, or what else is to blame; no values.
    pub reason: String,
    /// When it is tried again, in milliseconds; `None` parks it.
    pub due_ms: Option<u64>,
}

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failed")
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

/// A key that is held no longer.
#[derive(Serialize)]
pub struct Settled {
    /// The table, by its number on this side.
    pub repository: i16,
    /// The key as a JSON object.
    pub key: String,
}

impl std::fmt::Debug for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settled").finish_non_exhaustive()
    }
}

/// A key whose change is shown and not mirrored.
#[derive(Serialize)]
pub struct Diverged {
    /// The table, by its number on this side.
    pub repository: i16,
    /// The key as a JSON object.
    pub key: String,
    /// The epoch of the entry.
    pub epoch: Epoch,
    /// Why it is not mirrored.
    pub reason: &'static str,
}

impl std::fmt::Debug for Diverged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Diverged")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Keys of past epochs that are not mirrored yet, of one subject in one table.
#[derive(Debug)]
pub struct Leftover {
    /// The table, by its number on this side.
    pub number: i16,
    /// The text of the subject column.
    pub subject: Option<String>,
    /// How many.
    pub keys: i64,
    /// Whether some of them are parked: waiting is in vain.
    pub parked: bool,
}

/// Where the table of dirty keys begins.
const BEGINNING: &str = "(0,0)";

impl Database {
    /// Takes at most `batch` entries after a place, or from the beginning, and the held keys that are due. Renews the lease.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's, else as [`execute`](Self::execute).
    pub async fn take(&self, token: i64, after: Option<&str>, batch: u32) -> Result<Taken, Error> {
        let answer = self
            .call(
                "select repository, key, subjects, content, entries, xids, epoch, own, held, attempts, age_ms, place, \
                 filenode::int8, seen from turnout.take($1, $2::text::tid, $3::int4)",
                &[
                    Parameter::Number(token),
                    Parameter::Text(after.unwrap_or(BEGINNING)),
                    Parameter::Number(batch.into()),
                ],
            )
            .await?;
        let keys = self.read(&answer, |row| {
            Ok(DirtyKey {
                number: row.try_get(0)?,
                key: row.try_get(1)?,
                subjects: row.try_get(2)?,
                row: row.try_get(3)?,
                entries: row.try_get::<Option<_>, _>(4)?.unwrap_or_default(),
                transactions: row.try_get::<Option<_>, _>(5)?.unwrap_or_default(),
                epoch: Epoch::new(row.try_get::<i64, _>(6)?.unsigned_abs()),
                own: row.try_get(7)?,
                held: row.try_get(8)?,
                attempts: row.try_get::<i32, _>(9)?.unsigned_abs(),
                age: Duration::from_millis(row.try_get::<i64, _>(10)?.unsigned_abs()),
            })
        })?;
        let seen = self.read(&answer, |row| Ok(row.try_get::<Option<_>, _>(0)?.zip(row.try_get(13)?)))?;
        let Some(last) = answer.last() else {
            return Ok(Taken::default());
        };
        let unexpected = |error| self.unexpected(&error);
        Ok(Taken {
            keys,
            seen: seen.into_iter().flatten().collect(),
            place: last.try_get(11).map_err(unexpected)?,
            file: last.try_get(12).map_err(unexpected)?,
        })
    }

    /// Ends work on dirty keys.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn ack(&self, token: i64, file: i64, ack: &Ack) -> Result<(), Error> {
        let failed = json(&ack.failed);
        let settled = json(&ack.settled);
        let diverged = json(&ack.diverged);
        let receipts = json(&ack.receipts);
        self.call(
            "select turnout.ack($1, $2::int8::oid, $3::text[]::tid[], nullif($4, '[]')::json, nullif($5, '[]')::json, \
             nullif($6, '[]')::json, $7 <> 0, nullif($8, '[]')::json)::text",
            &[
                Parameter::Number(token),
                Parameter::Number(file),
                Parameter::List(&ack.entries),
                Parameter::Text(&failed),
                Parameter::Text(&settled),
                Parameter::Text(&diverged),
                Parameter::Number(ack.may_be_lost.into()),
                Parameter::Text(&receipts),
            ],
        )
        .await
        .map(drop)
    }

    /// Makes all that was committed here outlive a crash of the server.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn persist(&self) -> Result<(), Error> {
        self.call("select turnout.persist()::text", &[]).await.map(drop)
    }

    /// What is left to be mirrored of epochs before this one, by table and subject; at most a thousand groups.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn leftovers(&self, epoch: Epoch) -> Result<Vec<Leftover>, Error> {
        let rows = self
            .call(
                "select repository, subject, keys, parked from turnout.leftovers($1)",
                &[number(epoch)],
            )
            .await?;
        self.read(&rows, |row| {
            Ok(Leftover {
                number: row.try_get(0)?,
                subject: row.try_get(1)?,
                keys: row.try_get(2)?,
                parked: row.try_get(3)?,
            })
        })
    }

    /// How the keys stand that a transaction has made dirty here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn mirror_state(&self, transaction: i64) -> Result<MirrorState, Error> {
        let state: String = self
            .value("select turnout.mirror_state($1)", &[Parameter::Number(transaction)])
            .await?;
        Ok(match state.as_str() {
            "done" => MirrorState::Done,
            "parked" => MirrorState::Parked,
            _ => MirrorState::Pending,
        })
    }

    /// Notes that nobody looks for dirty keys here from now on, so that the next write behind Turnout's back calls.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn sleep(&self) -> Result<(), Error> {
        self.call("select turnout.sleep()::text", &[]).await.map(drop)
    }

    /// Gives the room of dirty keys that are gone back to the table. Only its owner can; for others it does nothing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn vacuum(&self) -> Result<(), Error> {
        self.call("vacuum (truncate false) turnout.dirty", &[]).await.map(drop)
    }
}

/// A list as JSON. Texts and numbers always are.
pub(super) fn json(list: &impl Serialize) -> String {
    serde_json::to_string(list).unwrap_or_default()
}
