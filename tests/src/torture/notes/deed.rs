use rand::seq::IndexedRandom;

use crate::torture::dice::Dice;

/// What administrators do to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `UPDATE` of every row.
    Update,
    /// `TRUNCATE`, and other rows.
    Truncate,
    /// `COPY … FROM STDIN`.
    Copy,
    /// `MERGE`, which adds, changes and removes rows.
    Merge,
    /// A write under `session_replication_role = replica`, as CDC tools make it.
    Replica,
    /// Rows of several megabytes.
    Huge,
    /// The triggers of the table are switched off for a write, and on again later.
    TriggersOff,
    /// A transaction stays open after its write.
    Held,
    /// A transaction is prepared, and committed later.
    Prepared,
    /// More than a thousand rows that the other side refuses for a while.
    Park,
    /// One key is chosen for two subjects, each written to its own authority.
    Collide,
    /// The table gets a column, on one side first. It is kept and comes to the other side, or is dropped again.
    Widen {
        /// Whether it is kept.
        is_kept: bool,
    },
}

impl Deed {
    const ALL: [Self; 13] = [
        Self::Update,
        Self::Truncate,
        Self::Copy,
        Self::Merge,
        Self::Replica,
        Self::Huge,
        Self::TriggersOff,
        Self::Held,
        Self::Prepared,
        Self::Park,
        Self::Collide,
        Self::Widen { is_kept: true },
        Self::Widen { is_kept: false },
    ];

    pub(crate) fn draw(dice: &mut Dice) -> Self {
        *Self::ALL.choose(dice).unwrap_or(&Self::Update)
    }
}
