use serde::{Deserialize, Serialize};
use turnout_vocabulary::Epoch;

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// How a sequence counts that numbers the rows of a served table.
#[derive(Clone, Debug, Deserialize)]
pub struct Numbering {
    /// The schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column whose default is the sequence.
    pub column: String,
    /// The sequence, as SQL names it.
    pub sequence: String,
    /// The step that the application gave it.
    pub own_step: i64,
    /// The step that it has.
    pub step: i64,
    /// The number that it was made to start with.
    pub start: i64,
    /// The number that it hands out next; `None` if it can't be read.
    pub upcoming: Option<i64>,
    /// The furthest number that it has handed out, or that a row has.
    pub furthest: Option<i64>,
    /// Whether it is set apart from the other side's.
    pub is_apart: bool,
    /// The number that both sides were past when it was set apart; `None` if an earlier version of Turnout did that.
    pub floor: Option<i64>,
    /// What keeps it from being set apart, in words.
    pub obstacle: Option<String>,
}

/// How a sequence is to count from now on.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// The sequence, as SQL names it.
    pub sequence: String,
    /// The step that the application gave it.
    pub own: i64,
    /// The step to take.
    pub step: i64,
    /// Hands out numbers only that leave `class` when divided by this.
    pub modulus: i64,
    /// What those numbers leave.
    pub class: i64,
    /// Goes on beyond this number, and beyond all that it handed out.
    pub beyond: Option<i64>,
    /// Whether it is apart from the other side's then.
    pub apart: bool,
}

/// What became of a [`Count`].
#[derive(Clone, Debug, Deserialize)]
pub struct Counted {
    /// The sequence, as SQL names it.
    pub sequence: String,
    /// The furthest number that it had handed out when it was changed.
    pub furthest: Option<i64>,
    /// Why it was not changed, in words.
    pub problem: Option<String>,
    /// Whether it can be changed once other transactions have ended.
    pub is_held: bool,
}

impl Database {
    /// How the sequences of all served tables count; with the numbers that rows have if asked for.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn numbering(&self, with_rows: bool) -> Result<Vec<Numbering>, Error> {
        self.rows(
            "select schema_name as schema, table_name as \"table\", column_name as \"column\", sequence, own_step, step, start, \
             upcoming, furthest, is_apart, floor, obstacle from turnout.numbering($1 <> '0')",
            &[Parameter::number(with_rows)],
        )
        .await
    }

    /// Has sequences count otherwise, under an epoch that must still be let in. It waits for no other transaction for long.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over, else as [`execute`](Self::execute).
    pub async fn count_on(&self, epoch: Epoch, plan: &[Count]) -> Result<Vec<Counted>, Error> {
        self.rows(
            "select sequence, furthest, problem, is_held from turnout.count_on($1::int8, $2::json)",
            &[number(epoch), Parameter::json(&plan)],
        )
        .await
    }
}
