use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_policies::{BreakerLimits, Origin, Policies};

use crate::ship::Shipping;
use crate::ship::error::NotShipped;

/// How often is looked whether a policy keeps failing. With a handoff it is gone within a second.
const LOOK: Duration = Duration::from_millis(100);

/// How often is looked whether calls of a policy failed that did not take it out of force.
const LOOK_FOR_FEW: Duration = Duration::from_secs(5);

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
            let epoch = in_force.epoch;
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
            let cause = Cause::new(Kind::Policy, Component::Policies);
            self.alerts.raise(cause.is_critical(message).under(epoch));
        }
    }

    /// Has people hear of policies whose calls fail, for as long as the host lives.
    pub(crate) async fn tell_of_failures(self: Arc<Self>) {
        let mut before = self.policies.failures();
        loop {
            sleep(LOOK_FOR_FEW).await;
            let now = self.policies.failures();
            for (world, failures) in now.iter() {
                let known = before.get(world).copied().unwrap_or_default();
                let failed = failures.total().saturating_sub(known.total());
                if failed > 0 {
                    let cause = Cause::new(Kind::PolicyFailure, Component::Policies).detail(world);
                    let message = format!(
                        "{failed} instances of the policy `{world}` failed within {LOOK_FOR_FEW:?}: {} for time, {} for memory, {} by a \
                         trap; see `turnout_policy_failures_total`",
                        failures.time.saturating_sub(known.time),
                        (failures.memory + failures.table).saturating_sub(known.memory + known.table),
                        failures.trap.saturating_sub(known.trap),
                    );
                    self.alerts
                        .raise(cause.warns(message).under(self.policies.in_force().epoch));
                }
            }
            before = now;
        }
    }
}
