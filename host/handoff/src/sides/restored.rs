use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::sleep;
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::{Database, Error as BackendError, Rewound};
use turnout_vocabulary::PerBackend;

use crate::installed::is_installed;
use crate::obstacle::Obstacle;

/// How often is looked whether a side was restored from the past.
const LOOK: Duration = Duration::from_secs(2);

/// Finds a side that was restored from the past.
pub(crate) struct RestoredSide {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) alerts: Arc<Alerts>,
    /// What was found last, until a person said which side's rows count.
    pub(crate) found: ArcSwapOption<Rewound>,
}

impl RestoredSide {
    /// Looks whether a side was restored from the past, for as long as the host lives, and says so in an alert.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            // A side that can't be asked now is looked at again.
            if let Ok(found) = self.look().await {
                if let Some(found) = &found
                    && self.found.load().as_deref() != Some(found)
                {
                    let cause = Cause::new(Kind::Restored, Component::Mirror).backend(found.side);
                    self.alerts.raise(cause.is_critical(in_words(found)));
                }
                // Whoever sees the side in the status sees the alert, too.
                self.found.store(found.map(Arc::new));
            }
            sleep(LOOK).await;
        }
    }

    /// The side that was found to be restored from the past, until a person said which side's rows count.
    pub(crate) fn found(&self) -> Option<Arc<Rewound>> {
        self.found.load_full()
    }

    /// Looks for it now.
    pub(crate) async fn look(&self) -> Result<Option<Rewound>, BackendError> {
        for (_, database) in self.backends.iter() {
            if !is_installed(database).await? {
                return Ok(None);
            }
        }
        turnout_mirror::rewound(&self.backends).await
    }

    /// Goes on only if neither side was restored from the past: no authority moves to or away from such a side.
    pub(crate) async fn refuse(&self) -> Result<(), Obstacle> {
        match self.look().await? {
            Some(found) => Err(Obstacle::Because(in_words(&found))),
            None => Ok(()),
        }
    }
}

fn in_words(found: &Rewound) -> String {
    BackendError::Rewound {
        side: found.side,
        reason: found.reason.clone(),
    }
    .to_string()
}
