use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;
use turnout_backends::{Database, Error};
use turnout_compare::{Difference, Equality, Form, Known, Repairs, Texts};
use turnout_policies::InForce;
use turnout_vocabulary::{
    Backend, ComparedColumn, DivergedRow, DivergenceForm, Pair, PerBackend, RepairAction, Repository, RepositoryId,
    SubjectRule,
};

/// What the policies in force say of rows that differ.
pub struct ByPolicy {
    in_force: Arc<InForce>,
    rule: SubjectRule,
    /// The type of each column on `old`.
    kinds: HashMap<(RepositoryId, String), String>,
    /// For how many differences the policy wants a person called.
    calls: AtomicU64,
}

impl ByPolicy {
    /// Those policies, for the repositories as their tables are on `old` now.
    ///
    /// # Errors
    /// Whatever keeps `old` from answering.
    pub async fn of(
        in_force: Arc<InForce>,
        rule: SubjectRule,
        sides: &PerBackend<Database>,
        repositories: &[Repository],
    ) -> Result<Self, Error> {
        let schema = sides.old.schema().await?;
        let mut kinds = HashMap::new();
        for repository in repositories {
            for column in schema.table(repository).map_or(&[][..], |table| &table.columns) {
                kinds.insert((repository.id, column.name.clone()), column.type_name.clone());
            }
        }
        Ok(Self {
            in_force,
            rule,
            kinds,
            calls: AtomicU64::new(0),
        })
    }

    /// For how many differences the policy wanted a person called since this was asked last.
    pub fn take_calls(&self) -> u64 {
        self.calls.swap(0, Relaxed)
    }
}

impl Equality for ByPolicy {
    fn is_mirrored(&self, repository: &Repository, subject: Option<&str>) -> bool {
        let subject = self.rule.subject_in(subject);
        let decision = self.in_force.decision(repository.id, subject.as_ref());
        // Where the policies fail, nothing is left out.
        decision.map_or(true, |(_, is_mirrored)| is_mirrored)
    }

    fn differing(&self, repository: &Repository, old: &Texts, new: &Texts) -> Vec<String> {
        let subject = repository
            .subject
            .as_ref()
            .and_then(|column| old.get(column))
            .and_then(Value::as_str);
        let text = |texts: &Texts, name: &String| texts.get(name).and_then(Value::as_str).map(str::to_owned);
        let column = |name: &String| ComparedColumn {
            name: name.clone(),
            kind: self
                .kinds
                .get(&(repository.id, name.clone()))
                .cloned()
                .unwrap_or_default(),
            old: text(old, name),
            new: text(new, name),
        };
        let mut pair = Pair {
            repository: repository.id,
            subject: self.rule.subject_in(subject),
            columns: old.keys().map(column).collect(),
        };
        let differing = self.in_force.compare(&pair);
        differing
            .into_iter()
            .filter_map(|place| Some(std::mem::take(&mut pair.columns.get_mut(place)?.name)))
            .collect()
    }
}

impl Repairs for ByPolicy {
    fn authority(&self, repository: &Repository, subject: Option<&str>) -> Option<Backend> {
        let subject = self.rule.subject_in(subject);
        let (authority, is_mirrored) = self.in_force.decision(repository.id, subject.as_ref()).ok()?;
        is_mirrored.then_some(authority)
    }

    fn repairs(&self, repository: &Repository, difference: &Difference, known: Known) -> bool {
        let subjects = difference.subjects.as_ref().map(Option::as_deref);
        let has_old = difference.form != Form::OnlyNew;
        let Some(authority) = self.authority(repository, if has_old { subjects.old } else { subjects.new }) else {
            return false;
        };
        let subject = self
            .rule
            .subject_in(subjects[authority].or(subjects[authority.other()]));
        let form = match (difference.form, authority) {
            (Form::Differs, _) => DivergenceForm::Differs,
            (Form::OnlyOld, Backend::Old) | (Form::OnlyNew, Backend::New) => DivergenceForm::Missing,
            _ => DivergenceForm::Surplus,
        };
        let row = DivergedRow {
            repository: repository.id,
            subject,
            authority,
            source: known.source,
            form,
            columns: difference.columns.clone(),
            age: known.age,
            attempts: known.attempts,
        };
        let action = self.in_force.repair(&row);
        if action == RepairAction::Call {
            self.calls.fetch_add(1, Relaxed);
        }
        action == RepairAction::Mirror
    }
}

/// Repairs every difference of mirrored rows, whatever the divergence policy says of repairs: a person asked for it.
pub struct Everything<'p>(pub &'p ByPolicy);

impl Repairs for Everything<'_> {
    fn authority(&self, repository: &Repository, subject: Option<&str>) -> Option<Backend> {
        self.0.authority(repository, subject)
    }

    fn repairs(&self, _: &Repository, _: &Difference, _: Known) -> bool {
        true
    }
}
