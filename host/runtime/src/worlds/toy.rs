//! A world for the tests of what all worlds that only advise have in common: it says who should hear of a slow write. Its
//! policies are those of the world `dual-write`, of which nothing else is asked.

use turnout_vocabulary::{Alert, Written};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::{Exports, World};
use crate::CallError;
use crate::bindings::dual_write as wit;
use crate::policy::{Policy, State};

/// The world `toy-alerts`.
pub struct ToyAlerts(wit::DualWrite);

impl World for ToyAlerts {
    const NAME: &'static str = "toy-alerts";
}

impl Exports for ToyAlerts {
    type Indices = wit::DualWriteIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        wit::DualWriteIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance).map(Self)
    }
}

impl Policy<ToyAlerts> {
    /// Who should hear of a write.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed.
    pub fn alerts(&self, written: &Written) -> Result<Vec<Alert>, CallError> {
        self.call("settle", None, |world, store| {
            world.0.call_settle(store, written.into())
        })
        .map(|alerts| alerts.into_iter().map(Into::into).collect())
    }
}
