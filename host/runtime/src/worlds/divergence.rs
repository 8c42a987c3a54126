//! The world `divergence`.

mod convert;

use std::time::Duration;

use turnout_vocabulary::{
    Backend, ComparedColumn, ComparisonCount, ComparisonSource, ComparisonWindow, DivergedRow, DivergenceAlert,
    DivergenceForm, Pair, RepairAction, RepositoryId,
};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::{Exports, World};
use crate::CallError;
use crate::bindings::divergence as wit;
use crate::log::LogBudget;
use crate::policy::{Module, Policy, State};

/// The most alerts of one window that the host takes.
const ALERTS: usize = 8;

/// The world `divergence`: what counts as equal, who hears of divergences, and what becomes of them.
pub struct Divergence(wit::Divergence);

impl World for Divergence {
    const NAME: &'static str = "divergence";

    fn examine(policy: &Policy<Self>, repository: RepositoryId) -> Result<(), CallError> {
        policy.compare(&made_up_pair(repository))?;
        policy.assess(&made_up_window(repository))?;
        policy.repair(&made_up_row(repository))?;
        Ok(())
    }
}

impl Exports for Divergence {
    type Indices = wit::DivergenceIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        wit::DivergenceIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance).map(Self)
    }
}

/// The compiled code of a divergence policy.
pub type DivergenceModule = Module<Divergence>;

/// A divergence policy with its settings.
pub type DivergencePolicy = Policy<Divergence>;

impl Policy<Divergence> {
    /// The places of the columns that really differ, ascending. Whatever the policy logs meanwhile is dropped.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; every column whose texts differ counts then.
    pub fn compare(&self, pair: &Pair) -> Result<Vec<usize>, CallError> {
        let columns: Vec<_> = pair.columns.iter().map(Into::into).collect();
        let told = || wit::Pair {
            repository: pair.repository.0,
            columns: &columns,
        };
        let named = self.call("compare", pair.subject.as_ref(), |world, store| {
            store.data_mut().log = LogBudget::nothing();
            world.0.call_compare(store, told())
        })?;
        let named: Vec<_> = named
            .into_iter()
            .filter_map(|place| usize::try_from(place).ok())
            .collect();
        Ok(pair.differing().filter(|place| named.contains(place)).collect())
    }

    /// Who should hear of what was compared lately.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nobody hears of it then.
    pub fn assess(&self, window: &ComparisonWindow) -> Result<Vec<DivergenceAlert>, CallError> {
        let counts: Vec<_> = window.counts.iter().map(Into::into).collect();
        self.call("assess", None, |world, store| {
            world.0.call_assess(store, convert::window(window, &counts))
        })
        .map(|alerts| alerts.into_iter().take(ALERTS).map(Into::into).collect())
    }

    /// What is done about a divergence.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; the divergence is left as it is then.
    pub fn repair(&self, row: &DivergedRow) -> Result<RepairAction, CallError> {
        let columns: Vec<_> = row.columns.iter().map(String::as_str).collect();
        self.call("repair", row.subject.as_ref(), |world, store| {
            world.0.call_repair(store, convert::row(row, &columns))
        })
        .map(Into::into)
    }
}

fn made_up_pair(repository: RepositoryId) -> Pair {
    Pair {
        repository,
        subject: None,
        columns: vec![ComparedColumn {
            name: "name".into(),
            kind: "text".into(),
            old: Some("a".into()),
            new: None,
        }],
    }
}

fn made_up_window(repository: RepositoryId) -> ComparisonWindow {
    ComparisonWindow {
        length: Duration::from_mins(5),
        counts: vec![ComparisonCount {
            repository,
            source: ComparisonSource::Read,
            compared: 1,
            equal: 0,
            unsettled: 0,
            diverged: 1,
            dropped: 0,
            failed: 0,
        }],
        open: 1,
        since_report: None,
    }
}

fn made_up_row(repository: RepositoryId) -> DivergedRow {
    DivergedRow {
        repository,
        subject: None,
        authority: Backend::Old,
        source: ComparisonSource::Read,
        form: DivergenceForm::Differs,
        columns: vec!["name".into()],
        age: Duration::ZERO,
        attempts: 0,
    }
}
