use turnout_backends::DirtyKey;
use turnout_vocabulary::{ApplyFailure, Backend, RepositoryId, Retry};

/// What is to become of a dirty key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its row goes to the other side.
    Mirror,
    /// Its row goes to the other side, which is its authority from then on or may be: it may change there at once.
    HandOver,
    /// Nothing: its rows are not mirrored.
    Forget,
    /// It is shown as a divergence, with the reason: this side is not its authority.
    Diverged(&'static str),
    /// It stays as it is for now: nobody can say.
    Later,
}

/// Says what is to become of dirty keys. It answers at once.
pub trait Judge: Send + Sync + 'static {
    /// What is to become of a key that is dirty on `source`.
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict;

    /// Whether `source` is known to be the authority of a subject's rows, under the epoch of a key that is dirty there.
    fn is_authority(&self, source: Backend, repository: RepositoryId, key: &DirtyKey, subject: Option<&str>) -> bool;

    /// Whether this host leaves the mirror to others.
    fn stands_aside(&self) -> bool {
        false
    }

    /// Whether a key that could not be applied is tried again.
    fn retry(&self, failure: &ApplyFailure) -> Retry;

    /// Hears that a key is parked.
    fn parked(&self, _failure: &ApplyFailure) {}
}
