//! What one row does when nothing happens at the same time: the measure of every history.

/// What a row holds: a number that no other write writes, or nothing where there is no row.
pub(crate) type Value = u64;

/// One operation on one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Adds the row, if it is not there.
    Insert(Value),
    /// Adds the row or changes it.
    Upsert(Value),
    /// Changes the row, if it is there.
    Update(Value),
    /// Removes the row, if it is there.
    Delete,
    /// Looks at the row.
    Read,
}

impl Step {
    /// What it would write.
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
    /// The row was there, and an insert left it alone.
    Taken,
    /// The row was there and was changed.
    Changed,
    /// There was no row to change.
    Missed,
    /// What a read saw, or what a removal removed.
    Was(Option<Value>),
    /// It was done, and whatever it answered was not told.
    Untold,
}

/// A row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Row(pub(crate) Option<Value>);

impl Row {
    /// Does one step.
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
    /// Whether an answer may be told as this.
    pub(crate) fn tells(self, answer: Self) -> bool {
        self == answer || self == Self::Untold
    }
}
