//! The world `dual-write`.

mod convert;

use turnout_vocabulary::{Action, Alert, ApplyFailure, Backend, MirrorPlan, RepositoryId, Retry, Subject, Written};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::convert::operation;
use super::{Exports, World};
use crate::CallError;
use crate::bindings::dual_write as wit;
use crate::policy::{Module, Policy, State};

/// The most alerts of one write that the host takes.
const ALERTS: usize = 4;

/// The world `dual-write`: how writes reach the other side, and who hears of it.
pub struct DualWrite(wit::DualWrite);

impl World for DualWrite {
    const NAME: &'static str = "dual-write";
}

impl Exports for DualWrite {
    type Indices = wit::DualWriteIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        wit::DualWriteIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance).map(Self)
    }
}

/// The compiled code of a dual-write policy.
pub type DualWriteModule = Module<DualWrite>;

/// A dual-write policy with its settings.
pub type DualWritePolicy = Policy<DualWrite>;

impl Policy<DualWrite> {
    /// How a write of mirrored rows reaches the other side.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; the write is mirrored [`MirrorPlan::Async`] then.
    pub fn mirror(
        &self,
        action: Action,
        repository: RepositoryId,
        subject: Option<&Subject>,
        authority: Backend,
    ) -> Result<MirrorPlan, CallError> {
        self.call("mirror", subject, |world, store| {
            world
                .0
                .call_mirror(store, operation(action, repository, subject), authority.into())
        })
        .map(Into::into)
    }

    /// What becomes of a row that could not be mirrored.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; the row is tried again then, and never dropped.
    pub fn retry(&self, failure: &ApplyFailure) -> Result<Retry, CallError> {
        self.call("retry", None, |world, store| world.0.call_retry(store, failure.into()))
            .map(Into::into)
    }

    /// Who should hear of a write.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nobody hears of the write then.
    pub fn settle(&self, written: &Written) -> Result<Vec<Alert>, CallError> {
        self.call("settle", None, |world, store| {
            world.0.call_settle(store, written.into())
        })
        .map(|alerts| alerts.into_iter().take(ALERTS).map(Into::into).collect())
    }
}
