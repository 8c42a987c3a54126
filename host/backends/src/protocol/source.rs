use serde::{Deserialize, Serialize};
use turnout_vocabulary::{Epoch, MirrorState};

use super::fence::number;
use super::handover::Receipt;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What became of the keys that were taken.
#[derive(Debug, Default)]
pub struct Ack {
    /// The places of the entries that are done with.
    pub entries: Vec<String>,
    /// Keys that could not be applied.
    pub failed: Vec<Failed>,
    /// Keys that could not be applied before and have been now.
    pub resolved: Vec<Resolved>,
    /// Keys that are shown and not mirrored.
    pub diverged: Vec<Diverged>,
    /// Keys that the other side has received and may be the authority of: nothing that their rows were read with is left.
    pub receipts: Vec<Receipt>,
    /// Whether what is left of those is only noted, and goes as it is taken: to look for it takes as long as the table is large.
    /// Until [`Database::forget_received`].
    pub noted: bool,
    /// The number of the last batch that was applied.
    pub tick: i64,
    /// The number that this side has kept as that until now.
    pub before: i64,
    /// Whether it need not reach the disk before it is answered. Until [`Database::persist`], a crash of the server may take it back.
    pub may_be_lost: bool,
}

impl Ack {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.failed.is_empty()
            && self.resolved.is_empty()
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
pub struct Resolved {
    /// The table, by its number on this side.
    pub repository: i16,
    /// The key as a JSON object.
    pub key: String,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolved").finish_non_exhaustive()
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
    pub reason: String,
}

impl std::fmt::Debug for Diverged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Diverged")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Keys of past epochs that are not mirrored yet, of one subject in one table.
#[derive(Debug, Deserialize)]
pub struct Leftover {
    /// The table, by its number on this side.
    #[serde(rename = "repository")]
    pub number: i16,
    /// The text of the subject column.
    pub subject: Option<String>,
    /// How many.
    pub keys: i64,
    /// Whether some of them are parked: waiting is in vain.
    pub parked: bool,
}

impl Database {
    /// Ends work on dirty keys.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn ack(&self, token: i64, file: i64, ack: &Ack) -> Result<(), Error> {
        self.call(
            "select turnout.ack($1::int8, $2::oid, $3::tid[], nullif($4, '[]')::json, nullif($5, '[]')::json, \
             nullif($6, '[]')::json, $7 <> '0', nullif($8, '[]')::json, $9 <> '0', $10::int8, $11::int8)::text",
            &[
                Parameter::number(token),
                Parameter::number(file),
                Parameter::list(&ack.entries),
                Parameter::json(&ack.failed),
                Parameter::json(&ack.resolved),
                Parameter::json(&ack.diverged),
                Parameter::number(ack.may_be_lost),
                Parameter::json(&ack.receipts),
                Parameter::number(ack.noted),
                Parameter::number(ack.tick),
                Parameter::number(ack.before),
            ],
        )
        .await
    }

    /// Makes all that was committed here outlive a crash of the server.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn persist(&self) -> Result<(), Error> {
        self.call("select turnout.persist()::text", &[]).await
    }

    /// What is left to be mirrored of epochs before this one, by table and subject; at most a thousand groups.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn leftovers(&self, epoch: Epoch) -> Result<Vec<Leftover>, Error> {
        self.rows(
            "select repository, subject, keys, parked from turnout.leftovers($1::int8)",
            &[number(epoch)],
        )
        .await
    }

    /// How the keys stand that a transaction has made dirty here.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn mirror_state(&self, transaction: i64) -> Result<MirrorState, Error> {
        let state: String = self
            .value(
                "select turnout.mirror_state($1::int8)",
                &[Parameter::number(transaction)],
            )
            .await?;
        Ok(match state.as_str() {
            "done" => MirrorState::Done,
            "parked" => MirrorState::Parked,
            _ => MirrorState::Pending,
        })
    }

    /// Notes that nobody looks for dirty keys here from now on, until the next write.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn sleep(&self) -> Result<(), Error> {
        self.call("select turnout.sleep()::text", &[]).await
    }

    /// Whether somebody wrote here since then. It reads one sequence and sees a write before its transaction commits.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn is_called(&self) -> Result<bool, Error> {
        self.value("select turnout.is_called()::text", &[]).await
    }

    /// Gives the room of dirty keys that are gone back to the table. Only its owner can; for others it does nothing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn vacuum(&self) -> Result<(), Error> {
        self.protocol().vacuum("turnout.dirty").await
    }
}
