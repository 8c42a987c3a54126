use rand::seq::IndexedRandom;

use crate::torture::dice::Dice;

/// A deed: what administrators do to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `UPDATE` of every row.
    Update,
    /// `TRUNCATE`, then inserts of other rows.
    Truncate,
    /// `COPY … FROM STDIN`.
    Copy,
    /// `MERGE`, which inserts, updates and deletes rows.
    Merge,
    /// A write under `session_replication_role = replica`, as CDC tools make it.
    Replica,
    /// Rows of several megabytes.
    Huge,
    /// A write while the triggers of the table are disabled. They are enabled again later.
    TriggersOff,
    /// A transaction stays open after its write.
    Held,
    /// A transaction is prepared, and committed later.
    Prepared,
    /// More than a thousand rows that the other side refuses for a while, so that their keys are parked.
    Park,
    /// One key for rows of two subjects, each written to its own authority.
    Collide,
    /// A new column, on one side first. The other side gets it later, or the column is dropped again.
    Widen {
        /// Whether the column is kept.
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
