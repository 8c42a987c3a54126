use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, anyhow};
use turnout_dual_write::Mirroring;
use turnout_policy::dual_write::{self, DualWrite as _};
use turnout_policy::routing::{self, Routing as _};
use turnout_policy::testing;
use turnout_routing::Stages;
use turnout_vocabulary::{Action, Backend, MirrorPlan, ReadPlan, Subject};

use crate::decisions::{CLIENTS, DUAL_WRITE, Decisions, ROUTING};

/// The policies' code, compiled for this machine and called as functions.
pub(crate) struct Native {
    routing: Stages,
    dual_write: Mirroring,
}

impl Native {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            routing: testing::configure(ROUTING, &["clients"]).map_err(|error| anyhow!("{error}"))?,
            dual_write: testing::configure(DUAL_WRITE, &["clients"]).map_err(|error| anyhow!("{error}"))?,
        })
    }
}

impl Decisions for Native {
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool> {
        let admission = black_box(&self.routing).admit(&operation(action, subject));
        Ok(matches!(admission, routing::Admission::Admit))
    }

    fn authority(&mut self, subject: &Subject) -> Result<Backend> {
        Ok(backend(black_box(&self.routing).authority(&target(subject))))
    }

    fn read(&mut self, subject: &Subject) -> Result<ReadPlan> {
        let up = routing::Health { up: true, p95: 1_000 };
        let conditions = routing::Conditions {
            old: up,
            new: up,
            mirror_lag: None,
        };
        let plan = black_box(&self.routing).read(&operation(Action::Find, subject), &conditions);
        Ok(ReadPlan {
            primary: backend(plan.primary),
            fallback: plan.fallback.map(backend),
            compare: plan.compare,
        })
    }

    fn mirror(&mut self, subject: &Subject, authority: Backend) -> Result<MirrorPlan> {
        let authority = match authority {
            Backend::Old => routing::Backend::Old,
            Backend::New => routing::Backend::New,
        };
        let plan = black_box(&self.dual_write).mirror(&operation(Action::Update, subject), authority);
        Ok(match plan {
            dual_write::MirrorPlan::Off => MirrorPlan::Off,
            dual_write::MirrorPlan::Async => MirrorPlan::Async,
            dual_write::MirrorPlan::Sync(bound) => MirrorPlan::Sync {
                bound: Duration::from_millis(bound.into()),
            },
        })
    }
}

fn target(subject: &Subject) -> routing::Target {
    routing::Target {
        repository: CLIENTS.0,
        subject: Some(subject.as_str().to_owned()),
    }
}

fn operation(action: Action, subject: &Subject) -> routing::Operation {
    routing::Operation {
        action: if action == Action::Find {
            routing::Action::Find
        } else {
            routing::Action::Update
        },
        target: target(subject),
    }
}

fn backend(backend: routing::Backend) -> Backend {
    match backend {
        routing::Backend::Old => Backend::Old,
        routing::Backend::New => Backend::New,
    }
}
