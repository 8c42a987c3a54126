use std::sync::Arc;
use std::time::Duration;

use turnout_vocabulary::Subject;
use wasmtime::Store;

use super::{ConfigureError, Description, Module};
use crate::bindings::policy::Policy as Base;
use crate::bindings::policy::turnout::policy::types::Settings;
use crate::bounds::{CpuBound, Failure, MemoryBound};
use crate::log::{Lines, LogBudget};
use crate::wasi::{HANDLES, Random};
use crate::worlds::World;

/// One running copy of a module, with a store of its own. After any failure it must be dropped.
pub(super) struct Instance<W> {
    store: Store<State>,
    base: Base,
    world: W,
    call_cpu: Duration,
    is_optimised: bool,
}

/// What the host keeps beside an instance.
pub struct State {
    pub(crate) world: &'static str,
    pub(crate) cpu: CpuBound,
    pub(crate) log: LogBudget,
    pub(crate) lines: Arc<Lines>,
    /// The subject of the present call.
    pub(crate) subject: Option<Subject>,
    pub(crate) random: Random,
    memory: MemoryBound,
}

impl State {
    /// Prepares the next call: its CPU time, its log budget, and the random numbers that are the same for every call.
    fn begin(&mut self, cpu: Duration, subject: Option<&Subject>) {
        self.cpu = CpuBound::new(cpu);
        self.log = LogBudget::new();
        self.random = Random::new();
        self.subject = subject.cloned();
    }
}

impl<W: World> Instance<W> {
    pub(super) fn new(module: &Module<W>) -> Result<Self, Failure> {
        let bounds = module.bounds();
        let state = State {
            world: W::NAME,
            cpu: CpuBound::new(bounds.configure_cpu),
            log: LogBudget::new(),
            lines: Arc::clone(module.lines()),
            subject: None,
            random: Random::new(),
            memory: MemoryBound::new(bounds.memory_bytes, bounds.table_entries),
        };
        let is_optimised = module.is_optimised();
        let code = module.code();
        let mut store = Store::new(code.instance.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_max_component_handles(HANDLES);
        CpuBound::watch(&mut store);
        store.set_epoch_deadline(1);
        let instance = code.instance.instantiate(&mut store).map_err(Failure::of)?;
        let base = code.base.load(&mut store, &instance).map_err(Failure::of)?;
        let world = W::load(&code.world, &mut store, &instance).map_err(Failure::of)?;
        Ok(Self {
            store,
            base,
            world,
            call_cpu: bounds.call_cpu,
            is_optimised,
        })
    }

    /// Whether the instance runs the best code that there is by now.
    pub(super) fn is_up_to_date(&self, module: &Module<W>) -> bool {
        self.is_optimised || !module.is_optimised()
    }

    /// A new instance that took the settings. Starting and configuring share one bound.
    pub(super) fn configured(module: &Module<W>, settings: &Settings) -> Result<Self, ConfigureError> {
        let mut instance = Self::new(module)?;
        instance
            .base
            .call_configure(&mut instance.store, settings)
            .map_err(Failure::of)??;
        Ok(instance)
    }

    pub(super) fn describe(&mut self) -> Result<Description, Failure> {
        let description = self.base.call_describe(&mut self.store).map_err(Failure::of)?;
        Description::checked(&description.name, &description.version, description.settings_schema)
    }

    pub(super) fn call<T>(
        &mut self,
        subject: Option<&Subject>,
        export: impl FnOnce(&W, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        self.store.data_mut().begin(self.call_cpu, subject);
        export(&self.world, &mut self.store).map_err(Failure::of)
    }
}
