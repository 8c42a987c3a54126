//! Puts in force what the record says is. `site` compares the description of the site that stands there.

pub(crate) mod site;

use std::sync::Arc;

use turnout_backends::{Database, EpochRecord};
use turnout_policies::{Era, InForce, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::learn::site::SiteCheck;
use crate::obstacle::Obstacle;
use crate::record::{Record, format};

/// Learns of epochs that other hosts have recorded.
pub(crate) struct Learner {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) record: Arc<Record>,
    pub(crate) site: SiteCheck,
}

impl Learner {
    /// Follows the newest epoch that the databases know of, released or not. One side is enough: an epoch that only the
    /// other knows is not released, and what it refuses is refused by its fence. What this host is about to put in force itself is
    /// left to it.
    pub(crate) async fn learn(&self) -> Result<(), Obstacle> {
        let mut reached = None;
        let mut failed = None;
        let (old, new) = tokio::join!(self.record.newest_on(Backend::Old), self.record.newest_on(Backend::New));
        for (known, on_old) in [(old, true), (new, false)] {
            match known {
                Ok(Some(known)) => reached = reached.max(Some((known.newest, known.released, on_old))),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        let Some((Some(newest), released, on_old)) = reached else {
            return failed.map_or(Ok(()), |error| Err(error.into()));
        };
        let now = self.policies.in_force();
        if newest == now.epoch.next() && self.record.allotting.try_read().is_err() {
            // This host is writing it down, or finds now that another was quicker.
            return Ok(());
        }
        if newest > now.epoch {
            let database = if on_old { &self.backends.old } else { &self.backends.new };
            self.catch_up(database, &now, released).await?;
        } else if newest == now.epoch && released == Some(newest) && !now.leaving.is_empty() {
            self.policies
                .put_in_force(InForce::steady(now.era.clone(), now.converged.clone()));
        }
        Ok(())
    }

    /// Loads the epochs that this host has missed, from the last that was released.
    async fn catch_up(&self, database: &Database, now: &InForce, released: Option<Epoch>) -> Result<(), Obstacle> {
        let since = released.unwrap_or(Epoch::new(0));
        let mut records = database.epochs(since).await?;
        self.site.belongs(&records).await?;
        let Some(newest) = records.pop() else { return Ok(()) };
        let mut leaving = Vec::new();
        if !newest.released {
            for record in &records {
                leaving.push(self.era(database, record).await?);
            }
            if leaving.is_empty() {
                // The first epoch of all: before it everything was on `old`, as whatever this host has says or not.
                leaving.push(now.era.clone());
            }
        }
        let era = self.era(database, &newest).await?;
        self.policies.put_in_force(InForce {
            era,
            leaving,
            converged: newest.converged,
        });
        Ok(())
    }

    /// The policies of an epoch. What is in force already is not made again.
    pub(crate) async fn era(&self, database: &Database, written: &EpochRecord) -> Result<Era, Obstacle> {
        let files = format::files(self.policies.source.built_in(), database, written).await?;
        let policies = Arc::clone(&self.policies);
        let made = tokio::task::spawn_blocking(move || policies.make(&files)).await;
        let set = made
            .map_err(|error| Obstacle::Because(error.to_string()))?
            .map_err(|refused| Obstacle::Because(refused.to_string()))?;
        Ok(Era {
            epoch: written.epoch,
            set,
            forced: written.forced,
            frozen: format::frozen(database, written)?.map(Arc::new),
        })
    }
}
