/// A question that is asked after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Does every host serve again, and reach both databases?
    Recovered,
    /// Does a fault excuse every surprising answer?
    Expected,
    /// Is every acknowledged write there?
    Acknowledged,
    /// Is no refused write there?
    Refused,
    /// Can the history of every row be explained, as its subject saw it?
    Linearizable,
    /// Are no entries pending?
    Drained,
    /// Are no keys parked?
    Unparked,
    /// Are both sides equal, row by row?
    Equal,
}

impl Check {
    /// The checks for a run in which nothing is mirrored.
    pub const APART: &[Self] = &[
        Self::Recovered,
        Self::Expected,
        Self::Acknowledged,
        Self::Refused,
        Self::Linearizable,
    ];

    /// The checks for a run in which everything is mirrored.
    pub const ALL: &[Self] = &[
        Self::Recovered,
        Self::Expected,
        Self::Acknowledged,
        Self::Refused,
        Self::Linearizable,
        Self::Drained,
        Self::Unparked,
        Self::Equal,
    ];
}
