use std::fs;
use std::path::Path;

use anyhow::Result;
use turnout_runtime::{DualWritePolicy, Options, RoutingPolicy, Runtime};
use turnout_vocabulary::{Action, Admission, Backend, Conditions, MirrorPlan, ReadPlan, Subject};

use crate::decisions::{CLIENTS, DUAL_WRITE, Decisions, ROUTING, conditions, repositories};

/// The policies as the host runs them, with its own bounds in time and memory.
pub(crate) struct Turnout {
    routing: RoutingPolicy,
    dual_write: DualWritePolicy,
    conditions: Conditions,
}

/// The same on a fresh instance for every call: started, given its settings, asked once and dropped.
pub(crate) struct Fresh(pub(crate) Turnout);

impl Turnout {
    pub(crate) fn new(policies: &Path) -> Result<Self> {
        let runtime = Runtime::new(&Options::default())?;
        let (routing, dual_write) = (
            runtime.load(&fs::read(policies.join("turnout_routing.wasm"))?)?,
            runtime.load(&fs::read(policies.join("turnout_dual_write.wasm"))?)?,
        );
        routing.wait_until_optimised();
        dual_write.wait_until_optimised();
        Ok(Self {
            routing: RoutingPolicy::configure(&routing, ROUTING, &repositories())?,
            dual_write: DualWritePolicy::configure(&dual_write, DUAL_WRITE, &repositories())?,
            conditions: conditions(),
        })
    }
}

impl Decisions for Turnout {
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool> {
        Ok(self.routing.admit(action, CLIENTS, Some(subject))? == Admission::Admit)
    }

    fn authority(&mut self, subject: &Subject) -> Result<Backend> {
        Ok(self.routing.authority(CLIENTS, Some(subject))?)
    }

    fn read(&mut self, subject: &Subject) -> Result<ReadPlan> {
        Ok(self
            .routing
            .read(Action::Find, CLIENTS, Some(subject), &self.conditions)?)
    }

    fn mirror(&mut self, subject: &Subject, authority: Backend) -> Result<MirrorPlan> {
        Ok(self
            .dual_write
            .mirror(Action::Update, CLIENTS, Some(subject), authority)?)
    }
}

impl Decisions for Fresh {
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool> {
        Ok(self.0.routing.twin()?.admit(action, CLIENTS, Some(subject))? == Admission::Admit)
    }

    fn authority(&mut self, subject: &Subject) -> Result<Backend> {
        Ok(self.0.routing.twin()?.authority(CLIENTS, Some(subject))?)
    }

    fn read(&mut self, subject: &Subject) -> Result<ReadPlan> {
        Ok(self
            .0
            .routing
            .twin()?
            .read(Action::Find, CLIENTS, Some(subject), &self.0.conditions)?)
    }

    fn mirror(&mut self, subject: &Subject, authority: Backend) -> Result<MirrorPlan> {
        Ok(self
            .0
            .dual_write
            .twin()?
            .mirror(Action::Update, CLIENTS, Some(subject), authority)?)
    }
}
