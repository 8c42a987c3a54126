use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_policies::{BreakerLimits, Origin, Policies};
use turnout_vocabulary::Severity;

use crate::alerts::Alerts;
use crate::ship::Shipping;
use crate::ship::error::NotShipped;

/// How often is looked whether a policy keeps failing. With a handoff it is gone within a second.
const LOOK: Duration = Duration::from_millis(100);

/// Takes back policies that keep failing.
pub(crate) struct Breaker {
    pub(crate) policies: Arc<Policies>,
    pub(crate) shipping: Arc<Shipping>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) limits: BreakerLimits,
}

impl Breaker {
    /// Takes policies out of force that fail more than its limits allow, and brings back the last set without them, for as
    /// long as the host lives.
    pub(crate) async fn break_circuits(self: Arc<Self>) {
        // The epochs that were looked after.
        let mut tried = HashSet::new();
        loop {
            sleep(LOOK).await;
            let in_force = self.policies.in_force();
            let broken: Vec<_> = in_force.broken(self.limits).collect();
            if broken.is_empty() || !tried.insert(in_force.epoch) {
                continue;
            }
            drop(in_force);
            let origin = Origin {
                who: String::new(),
                from: "breaker".into(),
            };
            let failed = broken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let modules = broken.into_iter().map(|broken| broken.module).collect();
            let taken_back = self.shipping.roll_back_past(modules, origin).await;
            let message = match &taken_back {
                Ok(epoch) | Err(NotShipped::Directory { epoch, .. }) => {
                    self.policies.metrics.broken.inc();
                    format!("{failed}: the last set without it is in force again, under epoch {epoch}")
                }
                Err(error) => format!("{failed}, and stays in force: {error}"),
            };
            if !matches!(
                taken_back,
                Ok(_) | Err(NotShipped::NoEarlier | NotShipped::Directory { .. })
            ) {
                // It may go better the next time.
                tried.clear();
            }
            self.alerts.tell(Severity::Critical, "policy", message);
        }
    }
}
