//! Follows what other hosts do. `unfinished` abandons the handoffs that they have left unfinished.

pub(crate) mod unfinished;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use turnout_backends::Database;
use turnout_policies::Policies;
use turnout_vocabulary::PerBackend;

use crate::change::Changes;
use crate::follow::unfinished::Unfinished;
use crate::installed::is_installed;
use crate::learn::Learner;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::sides::rejoin::Rejoin;

/// How often is looked for newer epochs: what other hosts wait for at a handoff of one of them.
const LOOK: Duration = Duration::from_millis(50);

/// How often is looked whether a side is back or has been installed.
const CHECK: Duration = Duration::from_secs(1);

/// Follows what other hosts do, and takes in sides that were away.
pub(crate) struct Follower {
    pub(crate) policies: Arc<Policies>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) record: Arc<Record>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) unfinished: Unfinished,
    pub(crate) rejoin: Arc<Rejoin>,
    pub(crate) changes: Arc<Changes>,
}

impl Follower {
    /// Follows what other hosts do, for as long as the host lives: looks at the newest epochs often, which is one statement a
    /// side, and at what else may have changed now and then, or when something of this host has.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut checked = None;
        loop {
            let is_asked = tokio::select! {
                () = self.policies.asked() => true,
                () = sleep(LOOK) => false,
            };
            let is_due = is_asked || checked.is_none_or(|checked: Instant| checked.elapsed() >= CHECK);
            match self.learner.learn().await {
                Ok(()) => self.unfinished.abandon().await,
                Err(Obstacle::OtherSite(_)) => {
                    if let Err(error) = self.unfinished.abandon_other_site().await {
                        tracing::debug!(%error, "a handoff to another description of the site can't be finished");
                    }
                }
                Err(error) if is_due => tracing::debug!(%error, "newer epochs can't be looked for"),
                Err(_) => {}
            }
            if is_due {
                self.check().await;
                checked = Some(Instant::now());
            }
        }
    }

    /// Takes in a side that was away or not installed, and records what is in force where no record is.
    async fn check(&self) {
        self.refresh_installed().await;
        if let Err(error) = self.rejoin.rejoin(&self.policies.in_force()).await {
            tracing::debug!(%error, "a side can't be asked whether it was away");
        }
        if !self.record.is_there().await {
            let in_force = self.policies.in_force();
            match self
                .changes
                .bring(Arc::clone(&in_force.set), Some(in_force.epoch), None)
                .await
            {
                Ok(_) | Err(Obstacle::Overtaken) => {}
                Err(obstacle) => {
                    self.policies.refuse(&obstacle);
                }
            }
        }
    }

    /// Notices an installation that was made while the host ran.
    async fn refresh_installed(&self) {
        for (_, database) in self.backends.iter() {
            if !matches!(is_installed(database).await, Ok(true)) {
                let _ = database.refresh_schema().await;
            }
        }
    }
}
