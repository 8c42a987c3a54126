use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use turnout_backends::Database;
use turnout_mirror::Mirror;
use turnout_policies::{InForce, Policies};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{PerBackend, Repository, RepositoryId, SubjectRule};

use crate::Error;

/// What cleanups work with.
pub struct Parts {
    /// The policies.
    pub policies: Arc<Policies>,
    /// The two databases.
    pub sides: Arc<PerBackend<Database>>,
    /// What keeps them equal.
    pub mirror: Arc<Mirror>,
    /// The tables served, by number.
    pub repositories: Arc<[Repository]>,
    /// How subjects are found in texts.
    pub rule: SubjectRule,
    /// Whether rows may be removed there.
    pub allowed: PerBackend<bool>,
    /// How long removed rows are kept.
    pub retention: Duration,
    /// The name of this machine, for the evidence.
    pub host: String,
}

/// Reviews cleanups, carries them out and takes them back.
pub struct Cleanups(Parts);

impl Deref for Cleanups {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Cleanups {
    /// Cleanups that work with these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Starts the task that empties the archives. Must be called inside a tokio runtime.
    pub fn work(self: &Arc<Self>, supervisor: &Supervisor) {
        let cleanups = Arc::clone(self);
        let task = supervisor.keep("cleanup-archive", Need::Optional, move || {
            Arc::clone(&cleanups).empty_archives()
        });
        task.detach();
    }

    pub(crate) fn of(&self, repository: RepositoryId) -> &Repository {
        &self.repositories[usize::from(repository.0)]
    }

    /// The repository whose table this is.
    pub(crate) fn at(&self, schema: &str, table: &str) -> Option<&Repository> {
        let mut repositories = self.repositories.iter();
        repositories.find(|repository| repository.schema == schema && repository.table == table)
    }

    /// The policies in force, while no authority moves. A write under their epoch is refused by the fences once another is in force.
    pub(crate) fn steady(&self) -> Result<Arc<InForce>, Error> {
        if let Some(reason) = self.policies.why_aside() {
            return Err(Error::Aside(reason));
        }
        let in_force = self.policies.in_force();
        if in_force.leaving.is_empty() {
            Ok(in_force)
        } else {
            Err(Error::Moving)
        }
    }
}
