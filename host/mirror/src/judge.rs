use turnout_backends::DirtyKey;
use turnout_vocabulary::{ApplyFailure, Backend, Epoch, RepositoryId, Retry};

/// What is to become of a dirty key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its row is applied to the other side.
    Mirror,
    /// Its row is applied to the other side, which is or may be the row's authority from then on: the row may change there at once.
    HandOver,
    /// Its entries go and nothing is applied: its rows are not mirrored.
    Forget,
    /// It is shown as a divergence with the reason and not applied: this side is not its authority.
    Diverged(&'static str),
    /// Its entries stay for now: nobody can say yet what is to become of it.
    Later,
}

/// Nobody can say yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsaid;

/// Says what is to become of dirty keys. Every function answers at once, without waiting.
pub trait Judge: Send + Sync + 'static {
    /// What is to become of a key that is dirty on `source`.
    fn verdict(&self, source: Backend, repository: RepositoryId, key: &DirtyKey) -> Verdict;

    /// Whether `source` is known to be the authority of a subject's rows under the epoch that the key's entry carries.
    fn is_authority(&self, source: Backend, repository: RepositoryId, key: &DirtyKey, subject: Option<&str>) -> bool;

    /// The side that the rows of a subject are copied from under an epoch; `None` if they are not mirrored.
    ///
    /// # Errors
    /// [`Unsaid`] if that is not known.
    fn keeper(&self, repository: RepositoryId, epoch: Epoch, subject: Option<&str>) -> Result<Option<Backend>, Unsaid>;

    /// Whether this host leaves the mirror to other hosts: its appliers give their leases back.
    fn stands_aside(&self) -> bool {
        false
    }

    /// Whether a key that could not be applied is tried again, and when.
    fn retry(&self, failure: &ApplyFailure) -> Retry;

    /// Hears that the other side has so many rows of a repository as they were read: each was compared after it was written.
    fn mirrored(&self, _repository: RepositoryId, _rows: u64) {}

    /// Hears that a key is parked.
    fn parked(&self, _failure: &ApplyFailure) {}
}
