//! Instances of policies: made, configured, kept for each thread, discarded on a failure. The same for every world.

mod error;
mod failure_counts;
mod instance;
mod module;

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thread_local::ThreadLocal;
use tracing::warn;
use turnout_vocabulary::{Repository, Subject};
use wasmtime::Store;

pub use error::{CallError, ConfigureError};
pub use failure_counts::Failing;
use failure_counts::FailureCounts;
use instance::Instance;
pub(crate) use instance::State;
pub(crate) use module::Code;
pub use module::{Description, Module};

use crate::bindings::policy::turnout::policy::types::{RepositoryInfo, Settings};
use crate::bounds::{Failure, Failures};
use crate::worlds::World;

/// A module with its settings. A policy answers on the calling thread, which it may block for as long as
/// [`Bounds::call_cpu`](crate::Bounds::call_cpu) allows. Each thread that calls a policy gets an instance of its own, kept until the
/// policy is dropped. A call that fails is tried once more on a fresh instance, unless it ran out of time.
pub struct Policy<W: World> {
    module: Module<W>,
    settings: Settings,
    // An instance is taken out while a call runs and put back after a good answer. Whatever ends a call early loses the instance.
    instances: ThreadLocal<Cell<Option<Box<Instance<W>>>>>,
    failures: Mutex<Failures>,
    failure_counts: FailureCounts,
}

impl<W: World> Policy<W> {
    /// Gives a module its settings, as JSON, and the repositories in the order of their ids.
    ///
    /// # Errors
    /// [`ConfigureError`] if the policy refuses the settings or fails.
    pub fn configure(
        module: &Module<W>,
        settings_json: &str,
        repositories: &[Repository],
    ) -> Result<Self, ConfigureError> {
        let repositories = repositories
            .iter()
            .map(|repository| RepositoryInfo {
                name: repository.name.clone(),
                has_subject: repository.subject.is_some(),
            })
            .collect();
        let settings = Settings {
            json: settings_json.to_owned(),
            repositories,
        };
        Self::start(module.clone(), settings)
    }

    /// The same policy on instances of its own.
    ///
    /// # Errors
    /// [`ConfigureError`] if the policy refuses the settings that it took before, or fails.
    pub fn twin(&self) -> Result<Self, ConfigureError> {
        Self::start(self.module.clone(), self.settings.clone())
    }

    fn start(module: Module<W>, settings: Settings) -> Result<Self, ConfigureError> {
        let first = Instance::configured(&module, &settings)?;
        let instances = ThreadLocal::new();
        instances.get_or(|| Cell::new(Some(Box::new(first))));
        Ok(Self {
            module,
            settings,
            instances,
            failures: Mutex::default(),
            failure_counts: FailureCounts::default(),
        })
    }

    /// Calls an export on this thread's instance, with a question about a subject or about none. After a failure a fresh instance tries
    /// once more, unless time ran out: a second try would only block the thread for longer.
    pub(crate) fn call<T>(
        &self,
        function: &'static str,
        subject: Option<&Subject>,
        export: impl Fn(&W, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let answer = match self.attempt(function, subject, &export) {
            Err(failure) if !matches!(failure, Failure::OutOfTime { .. }) => self.attempt(function, subject, &export),
            answer => answer,
        };
        match answer {
            Ok(answer) => {
                self.failure_counts.ends(function);
                Ok(answer)
            }
            Err(failure) => {
                self.failure_counts.goes_on(function);
                Err(CallError {
                    world: W::NAME,
                    function,
                    failure,
                })
            }
        }
    }

    fn attempt<T>(
        &self,
        function: &'static str,
        subject: Option<&Subject>,
        export: impl Fn(&W, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let slot = self.instances.get_or_default();
        let kept = slot.take().filter(|instance| instance.is_up_to_date(&self.module));
        let answer = kept.map_or_else(|| self.fresh(), Ok).and_then(|mut instance| {
            let answer = instance.call(subject, export)?;
            slot.set(Some(instance));
            Ok(answer)
        });
        if let Err(failure) = &answer {
            self.counted().count(failure);
            if self.module.lines().admit() {
                warn!(world = W::NAME, function, %failure, "an instance of the policy failed and was discarded");
            }
        }
        answer
    }

    fn fresh(&self) -> Result<Box<Instance<W>>, Failure> {
        match Instance::configured(&self.module, &self.settings) {
            Ok(instance) => Ok(Box::new(instance)),
            Err(ConfigureError::Failed(failure)) => Err(failure),
            Err(ConfigureError::Settings { .. }) => Err(Failure::Fickle),
        }
    }

    /// Whether another policy has the same code and the same settings: both then give the same answers.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.module.is_same_as(&other.module) && self.settings.json == other.settings.json
    }

    /// The policy's code, for another policy of the same code.
    #[must_use]
    pub fn module(&self) -> &Module<W> {
        &self.module
    }

    /// How many instances failed and were discarded, also those whose call went well on the second try.
    #[must_use]
    pub fn failures(&self) -> Failures {
        *self.counted()
    }

    fn counted(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The functions of which calls failed lately, each with how often.
    #[must_use]
    pub fn failing(&self) -> Vec<Failing> {
        self.failure_counts.all()
    }

    /// Notes that a function contradicts itself or another function. Its answers can't be relied on any more.
    pub fn note_contradiction(&self, function: &'static str) {
        warn!(world = W::NAME, function, "the policy contradicts itself");
        self.failure_counts.contradicts(function);
    }
}
