use std::sync::Arc;

use tokio::sync::Mutex;
use turnout_backends::{Database, Error as BackendError};
use turnout_mirror::Mirror;
use turnout_policies::{Era, InForce, Policies};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, Span, SubjectRule};

use crate::compare::comparer::Comparer;
use crate::fences::Fences;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::sides::rejoin::Rejoin;
use crate::sides::restored::RestoredSide;

/// What was done after a person said which side's rows count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoined {
    /// The side whose rows count.
    pub side: Backend,
    /// The epoch from which on that side is the authority of everything; `None` if it was so before.
    pub forced: Option<Epoch>,
    /// How many rows differed and are being copied to the other side, by repository.
    pub marked: Vec<(String, u64)>,
}

/// Why a side was not taken in again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotRejoined {
    /// Neither side was restored.
    #[error("no side was restored from the past: nothing was done")]
    NotRestored,
    /// A handoff is under way.
    #[error("a handoff is under way: nothing was done, try again when it is over")]
    Moving,
    /// A side can't be asked.
    #[error("{0}; nothing is lost, repeat this when that is mended")]
    Backend(#[from] BackendError),
    /// The change of authority failed.
    #[error("{0}")]
    Because(String),
}

/// Makes one side's rows count after a side was restored from the past.
pub struct Reinstatement {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) record: Arc<Record>,
    pub(crate) fences: Arc<Fences>,
    pub(crate) comparer: Arc<Comparer>,
    pub(crate) rejoin: Arc<Rejoin>,
    pub(crate) restored: Arc<RestoredSide>,
    pub(crate) turn: Arc<Mutex<()>>,
}

impl Reinstatement {
    /// Makes one side's rows count after a side was restored from the past: that side becomes the authority of everything, by force if it
    /// was not, and all rows that differ are copied from it to the other side. It can be repeated.
    ///
    /// # Errors
    /// [`NotRejoined`] says why; then nothing is mirrored, as before.
    pub async fn rejoin_side(&self, side: Backend) -> Result<Rejoined, NotRejoined> {
        let _turn = self.turn.lock().await;
        if self.restored.look().await?.is_none() {
            return Err(NotRejoined::NotRestored);
        }
        let now = self.policies.in_force();
        if !now.leaving.is_empty() {
            return Err(NotRejoined::Moving);
        }
        let is_authority = |repository| now.span(repository) == Span::One(side);
        let forced = if self.repositories.iter().all(|repository| is_authority(repository.id)) {
            None
        } else {
            Some(self.force(side, &now).await?)
        };
        let now = self.policies.in_force();
        self.rejoin
            .rejoin(&now)
            .await
            .map_err(|obstacle| NotRejoined::Because(obstacle.to_string()))?;
        let mut marked = Vec::new();
        for repository in &*self.repositories {
            let compared = self.comparer.compare(repository, now.epoch, |text| {
                let subject = self.rule.subject_in(text);
                let (_, mirrored) = now.decision(repository.id, subject.as_ref()).ok()?;
                mirrored.then_some(side)
            });
            let compared = compared.await?;
            marked.push((repository.name.clone(), compared.marked));
        }
        self.level().await?;
        self.restored.found.store(None);
        for backend in Backend::ALL {
            self.mirror.wake(backend);
        }
        tracing::warn!(%side, ?marked, "a side was restored from the past, and a person said which side's rows count");
        Ok(Rejoined { side, forced, marked })
    }

    /// Makes a side the authority of everything, also of what the other side was the authority of.
    async fn force(&self, side: Backend, now: &InForce) -> Result<Epoch, NotRejoined> {
        let newest = self.record.newest().await?.unwrap_or(Epoch::new(0)).max(now.epoch);
        let era = Era {
            epoch: newest.next(),
            set: Arc::clone(&now.set),
            forced: Some(side),
            frozen: now.frozen.clone(),
        };
        let because = |obstacle: Obstacle| NotRejoined::Because(obstacle.to_string());
        self.record
            .write_down(&era, &[], None, &[side])
            .await
            .map_err(because)?;
        let database = &self.backends[side];
        database.close_to_leftovers(era.epoch).await?;
        self.fences.raise(side, era.epoch).await.map_err(because)?;
        database.release_epoch(era.epoch).await?;
        let epoch = era.epoch;
        self.policies.put_in_force(InForce::steady(era, Vec::new()));
        Ok(epoch)
    }

    /// Has both directions of the mirror go on from where neither side has been.
    async fn level(&self) -> Result<(), BackendError> {
        let (old, new) = tokio::try_join!(self.backends.old.ticks(), self.backends.new.ticks())?;
        let both = [old, new];
        let token = both
            .iter()
            .map(|side| side.outgoing_token.max(side.incoming_token))
            .max();
        let tick = both.iter().map(|side| side.outgoing_tick.max(side.incoming_tick)).max();
        for (_, database) in self.backends.iter() {
            database
                .level(token.unwrap_or_default() + 1, tick.unwrap_or_default() + 1)
                .await?;
        }
        Ok(())
    }
}
