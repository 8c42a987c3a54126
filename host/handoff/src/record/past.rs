use std::sync::Arc;

use turnout_backends::{Database, Error as BackendError};
use turnout_policies::{Era, Held, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::record::format;

/// The sets that were in force before, as both sides have noted them.
pub(crate) struct PastSets {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) policies: Arc<Policies>,
}

impl PastSets {
    /// Looks, once the record is in force, whether the directory holds a set that was in force before. Such a directory is
    /// old: it is shown, and changes nothing until a file in it is saved.
    pub(crate) async fn set_old_directory_aside(&self) {
        let source = &self.policies.source;
        let (Ok(stamp), Ok(held)) = (source.stamp(), self.policies.held()) else {
            return;
        };
        let in_force = self.policies.in_force();
        let mut pairs = held.files.iter().zip(in_force.files.iter());
        if pairs.all(|((_, held), (_, own))| held.stable() == own.stable()) {
            return;
        }
        match self.epoch_of(&held).await {
            Ok(Some(epoch)) => {
                tracing::warn!(
                    directory = %source.directory().display(),
                    %epoch,
                    in_force = %in_force.epoch,
                    "the policy directory holds a set that was in force before; it changes nothing: save a file there to \
                     bring the set into force, or use `turnout policy activate`"
                );
                self.policies.set_aside(stamp, epoch);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "it can't be known whether the set in the policy directory was in force before");
            }
        }
    }

    /// Notes that a set is in force. The release is a fact without that, so a side that fails is passed over.
    pub(crate) async fn remember(&self, era: &Era) {
        let digest = format::digest(&era.set.files, self.policies.source.built_in());
        for (backend, database) in self.backends.iter() {
            if let Err(error) = database.remember_set(&digest, era.epoch).await {
                tracing::debug!(%backend, %error, "the set in force is not noted there");
            }
        }
    }

    /// The last epoch that these files were in force under, trials aside; `None` if they never were.
    async fn epoch_of(&self, held: &Held) -> Result<Option<Epoch>, BackendError> {
        let mut last = None;
        let mut failed = None;
        for backend in Backend::ALL {
            match self.past_epoch(backend, held).await {
                Ok(epoch) => last = last.max(epoch),
                Err(error) => failed = Some(error),
            }
        }
        match (last, failed) {
            (None, Some(error)) => Err(error),
            _ => Ok(last),
        }
    }

    /// The same as one side knows it: by the digests that it keeps, and by the epochs on record, which may be older than
    /// the first digest.
    async fn past_epoch(&self, backend: Backend, held: &Held) -> Result<Option<Epoch>, BackendError> {
        let (database, built_in) = (&self.backends[backend], self.policies.source.built_in());
        let mut last = database.epoch_of_set(&format::digest(&held.files, built_in)).await?;
        for written in database.epochs(Epoch::new(0)).await? {
            let recorded = || format::worlds(built_in, database, &written);
            if written.released && held.is_part_of(&recorded()?.map(|_, written| written.digests())) {
                last = last.max(Some(written.epoch));
            }
        }
        Ok(last)
    }
}
