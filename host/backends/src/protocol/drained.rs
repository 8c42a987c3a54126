use std::fmt;

use serde::{Deserialize, Serialize};
use turnout_vocabulary::Epoch;

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// The rows of one subject in one table. `Debug` hides the subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The table, by its number on this side.
    #[serde(rename = "repository")]
    pub number: i16,
    /// The text of the subject column.
    pub subject: Option<String>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What of a group is not mirrored yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LeftOf {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// How many entries.
    pub keys: i64,
    /// How many of them are parked: waiting is in vain.
    pub parked: i64,
    /// Why the first of the parked ones is, without values.
    pub reason: Option<String>,
}

impl Database {
    /// The groups in these tables that something is left of to be mirrored from epochs before this one: the next after a group,
    /// in an order of their own, at most `most`.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn left_groups(
        &self,
        epoch: Epoch,
        tables: &[i16],
        after: Option<&Group>,
        most: usize,
    ) -> Result<Vec<Group>, Error> {
        let subject = after.and_then(|group| group.subject.as_deref());
        self.rows(
            "select repository, subject from turnout.left_groups($1::int8, $2::smallint[], nullif($3, '')::smallint, \
             case when $4 <> '0' then $5 end, $6::integer)",
            &[
                number(epoch),
                Parameter::list(tables.iter().map(i16::to_string)),
                after.map_or(Parameter::text(""), |group| Parameter::number(group.number)),
                Parameter::number(subject.is_some()),
                Parameter::text(subject.unwrap_or_default()),
                Parameter::number(i64::try_from(most).unwrap_or(i64::MAX)),
            ],
        )
        .await
    }

    /// The groups in these tables that somebody wrote behind Turnout's back since the fence rose to this epoch, at most `most`.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn direct_groups(&self, epoch: Epoch, tables: &[i16], most: usize) -> Result<Vec<Group>, Error> {
        self.rows(
            "select repository, subject from turnout.direct_groups($1::int8, $2::smallint[], $3::integer)",
            &[
                number(epoch),
                Parameter::list(tables.iter().map(i16::to_string)),
                Parameter::number(i64::try_from(most).unwrap_or(i64::MAX)),
            ],
        )
        .await
    }

    /// What is left of these groups to be mirrored from epochs before this one; those of which nothing is left are missing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn left_of(&self, epoch: Epoch, groups: &[Group]) -> Result<Vec<LeftOf>, Error> {
        self.rows(
            "select repository, subject, keys, parked, reason from turnout.left_of($1::int8, $2::json)",
            &[number(epoch), Parameter::json(&groups)],
        )
        .await
    }
}
