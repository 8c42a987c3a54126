use std::sync::Arc;

use turnout_backends::{Database, Error as BackendError};
use turnout_policies::{Era, InForce, Policies};
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, SubjectRule};

use crate::installed::is_installed;
use crate::numbers::Sequences;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::seen::LastSeen;

/// How far the epoch of a failover is above those known: the dead side may hold some that nobody else has heard of. It can't
/// be more than a few, as none comes into force without both sides.
const AHEAD: u64 = 100;

/// A forced failover: what it may lose, and the epoch that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The side that is the authority of everything afterwards.
    pub to: Backend,
    /// The epoch from which on it is; `None` while nothing was done.
    pub epoch: Option<Epoch>,
    /// How long ago this host last saw how far the other side was mirrored, in seconds; `None` if it never did.
    pub last_seen_seconds: Option<u64>,
    /// What is at stake, for every repository.
    pub at_stake: Vec<AtStake>,
}

/// What a forced failover may lose of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtStake {
    /// The repository.
    pub repository: String,
    /// How many keys were not mirrored when the dead side was last seen; `None` if nobody knows.
    pub not_mirrored: Option<u64>,
    /// Whether all rows are mirrored and were compared since. Otherwise the other side may lack any row.
    pub complete: bool,
}

/// Why authority was not moved by force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFailover {
    /// The side that would lose authority can be reached.
    #[error("backend {0} is alive: move its cohorts by a change of the routing settings, which loses nothing")]
    Alive(Backend),
    /// An earlier failover did the same.
    #[error("backend {0} is the authority of everything already, by an earlier forced failover")]
    Already(Backend),
    /// The side that would take over has no fence and no record.
    #[error("backend {0} can't take over: Turnout is not installed there; run `turnout install {0}`")]
    NotInstalled(Backend),
    /// The side that would take over can't be used.
    #[error("the other side can't take over: {0}")]
    Backend(#[from] BackendError),
    /// A policy failed to say what is mirrored.
    #[error("what is at stake can't be known: {0}")]
    Policy(#[from] CallError),
    /// Another host made an epoch at the same time.
    #[error("another host changed the policies at the same time; look at the status, and try again")]
    Overtaken,
}

/// Moves authority away from a dead side.
pub struct ForcedFailover {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    pub(crate) record: Arc<Record>,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) last_seen: Arc<LastSeen>,
}

impl ForcedFailover {
    /// What a forced failover to a side would do now. It changes nothing.
    ///
    /// # Errors
    /// [`NoFailover`] if it would be refused.
    pub async fn at_stake(&self, to: Backend) -> Result<Failover, NoFailover> {
        let lost = to.other();
        let now = self.policies.in_force();
        if now.forced == Some(to) {
            return Err(NoFailover::Already(to));
        }
        let silent = |answer| matches!(answer, Err(BackendError::Unavailable { .. }));
        if !silent(self.backends[lost].lowest_epoch().await) {
            return Err(NoFailover::Alive(lost));
        }
        if !is_installed(&self.backends[to]).await? {
            return Err(NoFailover::NotInstalled(to));
        }
        let seen = self.last_seen.of(lost);
        let mut at_stake = Vec::new();
        for repository in &*self.repositories {
            let standing = seen.as_ref().and_then(|seen| seen.of(repository));
            at_stake.push(AtStake {
                repository: repository.name.clone(),
                not_mirrored: standing.map(|standing| standing.dirty + standing.parked),
                complete: self.is_complete(&now, repository, to).await?,
            });
        }
        Ok(Failover {
            to,
            epoch: None,
            last_seen_seconds: seen.map(|seen| seen.at.elapsed().as_secs()),
            at_stake,
        })
    }

    /// Makes one side the authority of everything without draining the other, which is dead. What the dead side had not
    /// mirrored is lost to the application; when it returns, it is shown as divergences and never applied.
    ///
    /// It waits for no handoff of this host: one that is under way can't end without the dead side, and ends when it sees the
    /// epoch that is made here.
    ///
    /// # Errors
    /// [`NoFailover`] if the other side is alive, or the one that is to take over is not.
    pub async fn fail_over(&self, to: Backend) -> Result<Failover, NoFailover> {
        let at_stake = self.at_stake(to).await?;
        let now = self.policies.in_force();
        let survivor = &self.backends[to];
        let newest = survivor.newest_epochs().await?.newest.unwrap_or(Epoch::new(0));
        let era = Era {
            epoch: Epoch::new(newest.max(now.epoch).get() + AHEAD),
            set: Arc::clone(&now.set),
            forced: Some(to),
            frozen: now.frozen.clone(),
        };
        self.record
            .write_down(&era, &[], None, &[to])
            .await
            .map_err(|obstacle| match obstacle {
                Obstacle::Backend(error) => NoFailover::Backend(error),
                Obstacle::Policy(error) => NoFailover::Policy(error),
                Obstacle::Overtaken | Obstacle::OtherSite(_) | Obstacle::Because(_) => NoFailover::Overtaken,
            })?;
        survivor.close_to_leftovers(era.epoch).await?;
        survivor.raise_fence(era.epoch).await?;
        self.sequences.take_over(to, era.epoch).await;
        survivor.note_released(era.epoch).await?;
        let epoch = era.epoch;
        self.policies.put_in_force(InForce::steady(era, Vec::new()));
        tracing::error!(%epoch, %to, "forced failover: what the other side had not mirrored is lost");
        Ok(Failover {
            epoch: Some(epoch),
            ..at_stake
        })
    }

    /// Whether a side has all rows of a repository but those that are known to be dirty. Whose rows there are is asked there.
    async fn is_complete(&self, now: &InForce, repository: &Repository, on: Backend) -> Result<bool, NoFailover> {
        if !now.converged.contains(&repository.name) {
            return Ok(false);
        }
        let mut subjects = self.rule.subjects_in([None]);
        if repository.subject.is_some() {
            let texts = self.backends[on].all_subjects(repository).await?;
            subjects.extend(self.rule.subjects_in(texts.iter().map(Option::as_deref)));
        }
        for subject in &subjects {
            let subject = subject.as_ref();
            // Whether the rest is mirrored is not asked: a policy that fails to say must not be in the way.
            if now.authority(repository.id, subject)? != on && !now.mirrored(repository.id, subject)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
