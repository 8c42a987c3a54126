use turnout_vocabulary::{PerBackend, RepositoryId};

/// Which repositories a dual-write policy mirrors at all, by the authority of the rows. The policy is asked once, when it is
/// loaded: the answer holds for all subjects, so that other settings of retries and alerts need no look at any of them.
pub(crate) struct Mirroring {
    stable: Repositories,
    trial: Option<Repositories>,
}

/// By the number of the repository.
pub(crate) type Repositories = Box<[PerBackend<bool>]>;

impl Mirroring {
    pub(crate) fn new(stable: Repositories, trial: Option<Repositories>) -> Self {
        Self { stable, trial }
    }

    /// What one of the two versions says of a repository.
    pub(crate) fn of(&self, repository: RepositoryId, on_trial: bool) -> PerBackend<bool> {
        let trial = self.trial.as_ref().filter(|_| on_trial);
        trial.unwrap_or(&self.stable)[usize::from(repository.0)]
    }

    /// Whether all four versions of two sets say the same of every repository, so that it does not matter for whom a trial
    /// decides.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let versions = [Some(&other.stable), self.trial.as_ref(), other.trial.as_ref()];
        versions.into_iter().flatten().all(|version| *version == self.stable)
    }
}
