//! The properties: what must hold in every state, and what must happen in some state. The latter show that the former do not hold merely
//! because the system is idle.

use stateright::Property;

use crate::protocol::{LAST_EPOCH, Protocol, WRITES};
use crate::state::{Fault, State};

pub(crate) const NO_LOST_WRITE: &str = "where no dirty entry is left, both rows are the last committed write";
pub(crate) const NO_STALE_AUTHORITY: &str = "no write commits on a stale authority";
pub(crate) const NO_OLDER_ROW: &str = "no apply puts an older row over a newer one";

pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NO_LOST_WRITE, |_, state: &State| {
            state.is_dirty() || state.backends.iter().all(|replica| replica.row == state.committed)
        }),
        Property::always(NO_STALE_AUTHORITY, |_, state: &State| {
            state.fault != Some(Fault::StaleAuthority)
        }),
        Property::always(NO_OLDER_ROW, |_, state: &State| state.fault != Some(Fault::OlderRow)),
        Property::sometimes(
            "both writes are mirrored, and the key came back by handoffs",
            |_, state: &State| state.is_at_rest() && state.is_released(2) && state.is_released(3),
        ),
        Property::sometimes("both writes are mirrored after an abandonment", |_, state: &State| {
            state.is_at_rest() && state.is_abandonment(3)
        }),
        Property::sometimes(
            "a write commits after an abandonment while a write from before it is still open, and neither fence is raised to it",
            |_, state: &State| {
                state.newest == 3
                    && state.is_abandonment(3)
                    && state.written & (1 << 3) != 0
                    && state.hosts.iter().any(|host| host.writing == 1)
                    && state.backends.iter().all(|replica| replica.fence < 3)
            },
        ),
    ]
}

impl State {
    fn is_dirty(&self) -> bool {
        self.backends
            .iter()
            .any(|replica| replica.is_dirty_before(LAST_EPOCH + 1))
    }

    fn is_at_rest(&self) -> bool {
        self.committed == WRITES && !self.is_dirty() && self.is_released(self.newest)
    }
}
