use turnout_backends::{Database, EpochRecord, Error as BackendError};
use turnout_policies::{Era, Files, Held, PerWorld, Worlds};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::{Handoffs, record};

/// The policy set that the record holds as the newest one released; `None` where nothing is recorded. A host whose policy
/// directory can't be used starts with it.
///
/// # Errors
/// If a side can't be asked, or what it has recorded can't be read.
pub async fn recorded_set(backends: &PerBackend<Database>) -> Result<Option<PerWorld<Files>>, BackendError> {
    let mut newest: Option<(&Database, EpochRecord)> = None;
    for (_, database) in backends.iter() {
        if !database.schema().await?.installed {
            continue;
        }
        let Some(epoch) = database.newest_epochs().await?.released else {
            continue;
        };
        if newest.as_ref().is_some_and(|(_, known)| known.epoch >= epoch) {
            continue;
        }
        let records = database.epochs(epoch).await?;
        if let Some(record) = records.into_iter().next() {
            newest = Some((database, record));
        }
    }
    match newest {
        Some((database, newest)) => {
            let built_in = Worlds::default().built_in();
            Ok(Some(record::files(&built_in, database, &newest).await?))
        }
        None => Ok(None),
    }
}

impl Handoffs {
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
        let digest = record::digest(&era.set.files, self.policies.source.built_in());
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
        let mut last = database.epoch_of_set(&record::digest(&held.files, built_in)).await?;
        for written in database.epochs(Epoch::new(0)).await? {
            let recorded = || record::worlds(built_in, database, &written);
            if written.released && held.is_part_of(&recorded()?.map(|_, written| written.digests())) {
                last = last.max(Some(written.epoch));
            }
        }
        Ok(last)
    }
}
