//! The world `routing`.

mod convert;

use turnout_vocabulary::{Action, Admission, Backend, Conditions, ReadPlan, RepositoryId, Span, Subject};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::convert::{operation, target};
use super::{Exports, World};
use crate::CallError;
use crate::bindings::routing as wit;
use crate::policy::{Module, Policy, State};

/// The world `routing`: who is written and who is read.
pub struct Routing(wit::Routing);

impl World for Routing {
    const NAME: &'static str = "routing";
}

impl Exports for Routing {
    type Indices = wit::RoutingIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        wit::RoutingIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance).map(Self)
    }
}

/// The compiled code of a routing policy.
pub type RoutingModule = Module<Routing>;

/// A routing policy with its settings.
pub type RoutingPolicy = Policy<Routing>;

impl Policy<Routing> {
    /// The backend that a subject's rows in a repository are written to.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn authority(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<Backend, CallError> {
        self.call("authority", subject, |world, store| {
            world.0.call_authority(store, target(repository, subject))
        })
        .map(Into::into)
    }

    /// The backends that can be the authority of a repository's rows.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn span(&self, repository: RepositoryId) -> Result<Span, CallError> {
        self.call("span", None, |world, store| world.0.call_span(store, repository.0))
            .map(Into::into)
    }

    /// Whether a subject's rows in a repository are kept equal on the backend that is not their authority.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn mirrored(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<bool, CallError> {
        self.call("mirrored", subject, |world, store| {
            world.0.call_mirrored(store, target(repository, subject))
        })
    }

    /// Where a read goes.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn read(
        &self,
        action: Action,
        repository: RepositoryId,
        subject: Option<&Subject>,
        conditions: &Conditions,
    ) -> Result<ReadPlan, CallError> {
        let conditions = conditions.into();
        self.call("read", subject, |world, store| {
            world
                .0
                .call_read(store, operation(action, repository, subject), conditions)
        })
        .map(Into::into)
    }

    /// Whether an operation goes ahead.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn admit(
        &self,
        action: Action,
        repository: RepositoryId,
        subject: Option<&Subject>,
    ) -> Result<Admission, CallError> {
        self.call("admit", subject, |world, store| {
            world.0.call_admit(store, operation(action, repository, subject))
        })
        .map(Into::into)
    }
}
