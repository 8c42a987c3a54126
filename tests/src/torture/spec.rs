//! The behaviour of one row when operations do not overlap. Every history is checked against it.

/// The value of a row: a number that no other write writes. A row that does not exist has none.
pub(crate) type Value = u64;

/// One operation on one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Adds the row if it does not exist.
    Insert(Value),
    /// Adds the row, or changes it if it exists.
    Upsert(Value),
    /// Changes the row if it exists.
    Update(Value),
    /// Removes the row if it exists.
    Delete,
    /// Reads the row.
    Read,
}

impl Step {
    /// The value that the step would write.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Insert(value) | Self::Upsert(value) | Self::Update(value) => Some(value),
            Self::Delete | Self::Read => None,
        }
    }
}

/// What an operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    /// The row was added.
    Inserted,
    /// The row existed, and the insert changed nothing.
    Taken,
    /// The row existed and was changed.
    Changed,
    /// The row did not exist, so nothing was changed.
    Missed,
    /// The value that a read saw or a delete removed.
    Was(Option<Value>),
    /// The step was done, and its answer is not known.
    Untold,
}

/// A row: its value, if it exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Row(pub(crate) Option<Value>);

impl Row {
    /// Carries out one step.
    pub(crate) fn step(&mut self, step: Step) -> Reply {
        let was = self.0;
        let (now, reply) = match (step, was) {
            (Step::Insert(value) | Step::Upsert(value), None) => (Some(value), Reply::Inserted),
            (Step::Insert(_), Some(_)) => (was, Reply::Taken),
            (Step::Upsert(value) | Step::Update(value), Some(_)) => (Some(value), Reply::Changed),
            (Step::Update(_), None) => (None, Reply::Missed),
            (Step::Delete, _) => (None, Reply::Was(was)),
            (Step::Read, _) => (was, Reply::Was(was)),
        };
        self.0 = now;
        reply
    }
}

impl Reply {
    /// Whether this reply may stand for that answer.
    pub(crate) fn tells(self, answer: Self) -> bool {
        self == answer || self == Self::Untold
    }
}
