//! The world `routing`.

mod convert;

use turnout_vocabulary::{Action, Admission, Backend, Conditions, ReadPlan, Repository, RepositoryId, Span, Subject};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::World;
use crate::bindings::routing::{Routing, RoutingIndices};
use crate::policy::{Module, Policy, State};
use crate::{CallError, ConfigureError, Description, Failure, LoadError, Runtime};

impl World for Routing {
    const NAME: &'static str = "routing";

    type Indices = RoutingIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        RoutingIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance)
    }
}

impl Runtime {
    /// Compiles a routing policy: a core module as `cargo build --target wasm32-unknown-unknown` writes it, or a component.
    ///
    /// # Errors
    /// [`LoadError`] if the bytes are no policy of the world `routing`.
    pub fn load_routing(&self, bytes: &[u8]) -> Result<RoutingModule, LoadError> {
        self.load(bytes).map(RoutingModule)
    }
}

/// The compiled code of a routing policy. Cloning it is cheap.
#[derive(Clone)]
pub struct RoutingModule(Module<Routing>);

impl RoutingModule {
    /// The SHA-256 of the bytes that it was loaded from, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0.digest()
    }

    /// What the policy says about itself.
    ///
    /// # Errors
    /// [`Failure`] if it traps or exceeds a bound.
    pub fn describe(&self) -> Result<Description, Failure> {
        self.0.describe()
    }
}

/// A routing policy with its settings. It answers on the calling thread, which it may block for as long as
/// [`Options::call_cpu`](crate::Options::call_cpu) allows; each thread that calls it gets an instance of its own, kept until the
/// policy is dropped. A call that fails is tried once more on a fresh instance, unless it ran out of time.
pub struct RoutingPolicy(Policy<Routing>);

impl RoutingPolicy {
    /// Gives a module its settings, as JSON, and the repositories in the order of their ids.
    ///
    /// # Errors
    /// [`ConfigureError`] if the policy refuses the settings or fails.
    pub fn configure(
        module: &RoutingModule,
        settings_json: &str,
        repositories: &[Repository],
    ) -> Result<Self, ConfigureError> {
        Policy::configure(&module.0, settings_json, repositories).map(Self)
    }

    /// The SHA-256 of the module's bytes, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0.module().digest()
    }

    /// How many instances failed and were discarded, those included whose call went well on a second try.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.failures()
    }

    /// The backend that a subject's rows in a repository are written to.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn authority(&self, repository: RepositoryId, subject: Option<&Subject>) -> Result<Backend, CallError> {
        self.0
            .call("authority", |world, store| {
                world.call_authority(store, convert::target(repository, subject))
            })
            .map(Into::into)
    }

    /// The backends that can be the authority of a repository's rows.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing is decided then.
    pub fn span(&self, repository: RepositoryId) -> Result<Span, CallError> {
        self.0
            .call("span", |world, store| world.call_span(store, repository.0))
            .map(Into::into)
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
        self.0
            .call("read", |world, store| {
                world.call_read(store, convert::operation(action, repository, subject), conditions)
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
        self.0
            .call("admit", |world, store| {
                world.call_admit(store, convert::operation(action, repository, subject))
            })
            .map(Into::into)
    }
}
