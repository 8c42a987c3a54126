use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{sleep, timeout};
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{Action, Backend, Epoch, Severity};

use crate::delivery::Outbox;
use crate::groups::Groups;
use crate::sink::{Sentry, Webhook, client};
use crate::{Alert, AlertMetrics, Endpoints, Kind, NoCertificates, Raised, panics};

/// How many are kept.
const KEPT: usize = 50;

/// How often is looked for panics, and whether a minute is over for which alerts were held back.
const LOOK: Duration = Duration::from_secs(1);

/// How many panics may wait to be reported.
const PANICS: usize = 16;

/// What people should hear of.
#[derive(Default)]
pub struct Alerts {
    state: Mutex<State>,
    /// What who panics has noted. It may hold any lock but this one, so the alerts are raised elsewhere.
    panics: Mutex<Vec<Alert>>,
    outboxes: OnceLock<Vec<Outbox>>,
    metrics: Arc<AlertMetrics>,
}

#[derive(Default)]
struct State {
    /// The last ones, newest first.
    last: VecDeque<Raised>,
    groups: Groups,
    /// How many were raised since the counts were last taken.
    counts: HashMap<(Kind, Severity), u64>,
}

impl State {
    fn keep(&mut self, raised: &Raised) {
        self.last.truncate(KEPT - 1);
        self.last.push_front(raised.clone());
    }
}

impl Alerts {
    /// No alert yet. Those that are raised are counted here.
    #[must_use]
    pub fn new(metrics: Arc<AlertMetrics>) -> Self {
        Self {
            metrics,
            ..Self::default()
        }
    }

    /// Sends what is raised from now on to these endpoints. Must be called once, inside a tokio runtime.
    ///
    /// # Errors
    /// [`NoCertificates`] if there are endpoints and the system has no root certificates to check them by.
    pub fn send_to(self: &Arc<Self>, endpoints: &Endpoints, supervisor: &Supervisor) -> Result<(), NoCertificates> {
        let mut outboxes = Vec::new();
        if let Some(endpoint) = &endpoints.sentry {
            let sentry = Sentry::new(endpoint);
            outboxes.push(Outbox::start(sentry, client()?, &self.metrics, supervisor));
        }
        if let Some(endpoint) = &endpoints.webhook {
            let webhook = Webhook::new(endpoint);
            outboxes.push(Outbox::start(webhook, client()?, &self.metrics, supervisor));
        }
        let _ = self.outboxes.set(outboxes);
        let alerts = Arc::clone(self);
        let summaries = supervisor.keep("alerts", Need::Optional, move || {
            let alerts = Arc::clone(&alerts);
            async move {
                loop {
                    sleep(LOOK).await;
                    alerts.raise_panics();
                    let due = alerts.state().groups.due(Instant::now());
                    alerts.summarise(&due);
                }
            }
        });
        summaries.detach();
        Ok(())
    }

    /// Raises an alert for each panic of this process from now on.
    pub fn report_panics(self: &Arc<Self>) {
        let alerts = Arc::clone(self);
        panics::report_to(move |alert| {
            let mut panics = alerts.panics.lock().unwrap_or_else(PoisonError::into_inner);
            // Where so many wait, one less tells no less.
            if panics.len() < PANICS {
                panics.push(alert);
            }
        });
    }

    /// Raises the alerts of panics.
    fn raise_panics(&self) {
        let panics = std::mem::take(&mut *self.panics.lock().unwrap_or_else(PoisonError::into_inner));
        for alert in panics {
            self.raise(alert);
        }
    }

    /// Logs an alert, counts it, keeps it for the status and has it sent. Never waits and never fails. Of the alerts that every write
    /// may raise, one a minute is logged and kept for each cause, with their number.
    pub fn raise(&self, alert: Alert) {
        self.metrics.raised(&alert);
        let single = (!alert.cause.kind.is_of_each_write()).then(|| Raised {
            at: SystemTime::now(),
            alert: alert.clone(),
            count: 1,
        });
        let mut state = self.state();
        *state.counts.entry((alert.cause.kind, alert.severity)).or_default() += 1;
        let due = state.groups.take(alert, Instant::now());
        let shown = single.as_ref().or(due.as_ref());
        if let Some(shown) = shown {
            state.keep(shown);
        }
        drop(state);
        if let Some(shown) = shown {
            log(shown);
        }
        if let Some(due) = &due {
            self.send(due);
        }
    }

    /// The last ones, newest first.
    #[must_use]
    pub fn last(&self) -> Vec<Raised> {
        self.state().last.iter().cloned().collect()
    }

    /// How many of each kind and severity were raised since this was last asked.
    #[must_use]
    pub fn take_counts(&self) -> HashMap<(Kind, Severity), u64> {
        std::mem::take(&mut self.state().counts)
    }

    /// Sends what waits, and returns when all is sent or given up, or when this time is over.
    pub async fn stop(&self, within: Duration) {
        self.raise_panics();
        let waiting = self.state().groups.waiting();
        self.summarise(&waiting);
        let sent = async {
            for outbox in self.outboxes.get().into_iter().flatten() {
                outbox.drained().await;
            }
        };
        if timeout(within, sent).await.is_err() {
            tracing::warn!("alerts are left that could not be sent before the host stopped");
        }
    }

    /// Tells of alerts that were held back.
    fn summarise(&self, held: &[Raised]) {
        for raised in held {
            if raised.alert.cause.kind.is_of_each_write() {
                self.state().keep(raised);
                log(raised);
            }
            self.send(raised);
        }
    }

    fn send(&self, raised: &Raised) {
        for outbox in self.outboxes.get().into_iter().flatten() {
            outbox.offer(raised);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(raised: &Raised) {
    let Alert {
        severity,
        cause,
        epoch,
        message,
    } = &raised.alert;
    let kind = cause.kind.as_str();
    let operation = cause.operation.map(Action::as_str);
    let backend = cause.backend.map(Backend::as_str);
    let repository = cause.repository.as_deref();
    let epoch = epoch.map(Epoch::get);
    let count = (raised.count > 1).then_some(raised.count);
    match severity {
        Severity::Warning => tracing::warn!(kind, operation, backend, repository, epoch, count, "{message}"),
        Severity::Critical => tracing::error!(kind, operation, backend, repository, epoch, count, "{message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, Component};

    #[test]
    fn alerts_of_every_write_are_shown_once_a_minute() {
        let alerts = Alerts::default();
        for _ in 0..100 {
            alerts.raise(Cause::new(Kind::Slow, Component::Pipeline).warns("slow"));
        }
        for number in 0..3 {
            alerts.raise(Cause::new(Kind::Handoff, Component::Handoff).warns(format!("abandoned {number}")));
        }
        let shown: Vec<_> = alerts.last().into_iter().map(|raised| raised.alert.message).collect();
        assert_eq!(shown, ["abandoned 2", "abandoned 1", "abandoned 0", "slow"]);
    }

    #[tokio::test]
    async fn held_back_alerts_are_told_at_a_stop() {
        let alerts = Alerts::default();
        for _ in 0..100 {
            alerts.raise(Cause::new(Kind::Slow, Component::Pipeline).warns("slow"));
        }
        alerts.stop(Duration::from_secs(1)).await;
        assert_eq!(alerts.last()[0].count, 99);
    }
}
