use std::time::Duration;

/// How long a failed task waits before it is started again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    /// After the first failure; the time doubles with each further one.
    pub(crate) first: Duration,
    /// The longest pause.
    pub(crate) longest: Duration,
    /// How long a task runs before a failure counts as the first again.
    pub(crate) steady: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            steady: Duration::from_mins(1),
        }
    }
}
