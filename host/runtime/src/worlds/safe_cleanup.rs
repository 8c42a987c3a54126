//! The world `safe-cleanup`.

mod convert;

use std::time::Duration;

use turnout_vocabulary::{
    Backend, CleanupColumn, CleanupCount, CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict, RepositoryId,
};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::{Exports, World};
use crate::CallError;
use crate::bindings::safe_cleanup as wit;
use crate::log::LogBudget;
use crate::policy::{Module, Policy, State};

/// The world `safe-cleanup`: which rows are test rows, and whether a deletion goes ahead.
pub struct SafeCleanup(wit::SafeCleanup);

impl World for SafeCleanup {
    const NAME: &'static str = "safe-cleanup";

    fn examine(policy: &Policy<Self>, repository: RepositoryId) -> Result<(), CallError> {
        let row = made_up_row(repository);
        policy.marks(&row)?;
        policy.review(&made_up_request(repository), &made_up_evidence(row))?;
        Ok(())
    }
}

impl Exports for SafeCleanup {
    type Indices = wit::SafeCleanupIndices;

    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
        wit::SafeCleanupIndices::new(component)
    }

    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance).map(Self)
    }
}

/// The compiled code of a safe-cleanup policy.
pub type SafeCleanupModule = Module<SafeCleanup>;

/// A safe-cleanup policy with its settings.
pub type SafeCleanupPolicy = Policy<SafeCleanup>;

impl Policy<SafeCleanup> {
    /// Whether a row carries the marks of a test row. Whatever the policy logs meanwhile is dropped.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing may be deleted then.
    pub fn marks(&self, row: &CleanupRow) -> Result<bool, CallError> {
        let columns = convert::columns(row);
        self.call("marks", row.subject.as_ref(), |world, store| {
            store.data_mut().log = LogBudget::nothing();
            world.0.call_marks(store, convert::row(row, &columns))
        })
    }

    /// Whether a deletion goes ahead. Whatever the policy logs meanwhile is dropped.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed; nothing may be deleted then.
    pub fn review(&self, request: &CleanupRequest, evidence: &CleanupEvidence) -> Result<CleanupVerdict, CallError> {
        let counts: Vec<_> = evidence.counts.iter().map(Into::into).collect();
        let columns: Vec<_> = evidence.samples.iter().map(convert::columns).collect();
        let samples = evidence.samples.iter().zip(&columns);
        let samples: Vec<_> = samples.map(|(row, columns)| convert::row(row, columns)).collect();
        self.call("review", None, |world, store| {
            store.data_mut().log = LogBudget::nothing();
            world
                .0
                .call_review(store, request.into(), convert::evidence(&counts, &samples))
        })
        .map(Into::into)
    }
}

fn made_up_row(repository: RepositoryId) -> CleanupRow {
    CleanupRow {
        repository,
        subject: None,
        columns: vec![CleanupColumn {
            name: "name".into(),
            kind: "text".into(),
            text: Some("a".into()),
        }],
    }
}

fn made_up_request(repository: RepositoryId) -> CleanupRequest {
    CleanupRequest {
        repository,
        execute: false,
        expected: None,
    }
}

fn made_up_evidence(row: CleanupRow) -> CleanupEvidence {
    CleanupEvidence {
        counts: vec![CleanupCount {
            repository: row.repository,
            backend: Backend::Old,
            requested: 1,
            referring: 0,
            marked: 1,
            table_rows: 1,
            youngest: Some(Duration::ZERO),
            oldest: None,
        }],
        samples: vec![row],
    }
}
