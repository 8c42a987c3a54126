use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_alerts::{Cause, Component, Kind};
use turnout_vocabulary::PerBackend;

use crate::Handoffs;

/// How often is looked whether the backends are up.
const LOOK: Duration = Duration::from_millis(250);

impl Handoffs {
    /// Has people hear of a backend that is down, and of how long it was when it is up again, for as long as the host lives.
    pub(super) async fn watch_for_outages(self: Arc<Self>) {
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
