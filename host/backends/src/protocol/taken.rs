use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

/// What an applier took: dirty keys with their rows, and where to go on.
#[derive(Debug, Deserialize)]
pub struct Taken {
    /// The tables that the keys are of, each once.
    pub parts: Vec<TakenPart>,
    /// The place in the table of dirty keys after which the next ones are; `None` at its end.
    pub place: Option<String>,
    /// The file that the places are in.
    pub file: i64,
    /// A snapshot from before the entries were looked at.
    pub seen: String,
    /// How many entries were looked at. More than are in the parts, if a table is stopped or its rows are large.
    pub looked_at: usize,
    /// The tables that can't be read now.
    pub stopped: Vec<Stopped>,
    /// The places of entries that are done with already: the other side has received their keys.
    pub received: Vec<String>,
}

/// A table whose rows can't be read: it is locked, hidden by row-level security, or not what it was. Its keys stay dirty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stopped {
    /// The table, by its number on this side.
    #[serde(rename = "repository")]
    pub number: i16,
    /// Why, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The same in words, without values.
    pub reason: String,
}

/// Dirty keys of one table.
#[derive(Debug, Deserialize)]
pub struct TakenPart {
    /// The table, by its number on this side.
    #[serde(rename = "repository")]
    pub number: i16,
    /// The snapshot that the rows were read in.
    pub seen: String,
    /// The keys.
    pub keys: Vec<DirtyKey>,
}

/// A key whose row is to be made equal on the other side. `Debug` shows neither key nor row.
#[derive(Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that `turnout.take` answers with"
)]
pub struct DirtyKey {
    /// The key, a JSON object.
    pub key: Box<RawValue>,
    /// The texts of the subject column before and after the changes.
    pub subjects: Vec<Option<String>>,
    /// The text of the subject column now.
    pub whose: Option<String>,
    /// Whether that is none of the `subjects`, and another entry names it.
    pub is_named_later: bool,
    /// The row, a JSON object, as it is now; `None` if there is none.
    pub row: Option<Box<RawValue>>,
    /// Whether its own row is gone, and the mirror has found a copy of the other side's in its place. No answer says this.
    #[serde(skip)]
    pub is_replaced: bool,
    /// Whether there is a row that is too large to be read.
    pub too_large: bool,
    /// The places of its entries.
    pub entries: Vec<String>,
    /// The transactions that made them.
    #[serde(rename = "xids")]
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
    #[serde(rename = "age_ms", deserialize_with = "milliseconds")]
    pub age: Duration,
}

impl std::fmt::Debug for DirtyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirtyKey").finish_non_exhaustive()
    }
}

/// Where the table of dirty keys begins.
const BEGINNING: &str = "(0,0)";

impl Taken {
    /// Whether entries were looked at and left for another time.
    #[must_use]
    pub fn leaves_some(&self) -> bool {
        let keys = self.parts.iter().flat_map(|part| &part.keys);
        self.received.len() + keys.map(|key| key.entries.len()).sum::<usize>() < self.looked_at
    }
}

impl Database {
    /// Takes at most `batch` entries after a place, or from the beginning, and the held keys that are due; `None` if there are
    /// none. Passes over those of the tables with the numbers in `resting`. Renews the lease.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's, else as [`execute`](Self::execute).
    pub async fn take(
        &self,
        token: i64,
        after: Option<&str>,
        batch: u32,
        resting: &[i16],
    ) -> Result<Option<Taken>, Error> {
        let answer: Option<Json<Taken>> = self
            .value(
                "select turnout.take($1::int8, $2::tid, $3::int4, $4::int2[])::text",
                &[
                    Parameter::number(token),
                    Parameter::text(after.unwrap_or(BEGINNING)),
                    Parameter::number(batch),
                    Parameter::list(resting.iter().map(i16::to_string)),
                ],
            )
            .await?;
        Ok(answer.map(|Json(taken)| taken))
    }
}

/// The clock may have been set back meanwhile.
fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    i64::deserialize(deserializer).map(|age| Duration::from_millis(age.unsigned_abs()))
}
