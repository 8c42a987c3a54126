/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Does every host serve again, and has both databases?
    Recovered,
    /// Did every answer have an excuse?
    Expected,
    /// Is every write there that was acknowledged?
    Acknowledged,
    /// Is no write there that was refused?
    Refused,
    /// Can the history of every row be explained, as seen by its subject?
    Linearizable,
    /// Is nothing left to be mirrored?
    Drained,
    /// Is nothing parked?
    Unparked,
    /// Are both sides equal, row by row?
    Equal,
}

impl Check {
    /// What must hold even where nothing is mirrored.
    pub const APART: &[Self] = &[
        Self::Recovered,
        Self::Expected,
        Self::Acknowledged,
        Self::Refused,
        Self::Linearizable,
    ];

    /// What must hold where everything is mirrored.
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
