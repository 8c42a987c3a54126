use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::Database;
use turnout_policies::Policies;
use turnout_vocabulary::PerBackend;

/// How often is looked whether the backends are up.
const LOOK: Duration = Duration::from_millis(250);

/// Tells of backends that are down.
pub(crate) struct Outages {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) alerts: Arc<Alerts>,
}

impl Outages {
    /// Has people hear of a backend that is down, and of how long it was when it is up again, for as long as the host lives.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut down_since: PerBackend<Option<Instant>> = PerBackend::default();
        loop {
            for (backend, database) in self.backends.iter() {
                let cause = || Cause::new(Kind::Backend, Component::Backends).backend(backend);
                let since = &mut down_since[backend];
                match (database.health().up, *since) {
                    (false, None) => {
                        *since = Some(Instant::now());
                        let alert = cause().is_critical(format!("backend {backend} is down"));
                        self.alerts.raise(alert.under(self.policies.in_force().epoch));
                    }
                    (true, Some(began)) => {
                        *since = None;
                        let seconds = began.elapsed().as_secs_f32();
                        let alert = cause().warns(format!("backend {backend} is up again after {seconds:.1} s"));
                        self.alerts.raise(alert.under(self.policies.in_force().epoch));
                    }
                    _ => {}
                }
            }
            sleep(LOOK).await;
        }
    }
}
