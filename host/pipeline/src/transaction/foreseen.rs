use std::collections::{HashMap, HashSet};

use turnout_vocabulary::{Action, PlacedReference, Reference, Referred, Repository, Request};

use super::Step;

/// How often attempts may meet something else than what was foreseen, once each thing has been met.
const MOST_SURPRISES: usize = 4;

/// What is foreseen of the answers that decide whose rows a transaction touches: what earlier attempts have met.
#[derive(Default)]
pub(super) struct Foreseen {
    values: HashMap<Reference, Referred>,
    /// The references that stood for something else at each of two attempts.
    changing: HashSet<Reference>,
    /// By operation, the texts in the subject column of the rows that matched.
    subjects: HashMap<usize, Vec<Option<String>>>,
    surprises: usize,
}

impl Foreseen {
    /// Notes what a reference stood for.
    pub(super) fn note_value(&mut self, reference: &Reference, value: Referred) {
        if self.values.insert(reference.clone(), value).is_some() {
            self.changing.insert(reference.clone());
            self.surprises += 1;
        }
    }

    /// Notes whose rows an operation met.
    pub(super) fn note_subjects(&mut self, place: usize, texts: Vec<Option<String>>) {
        if let Some(known) = self.subjects.get_mut(&place) {
            known.extend(texts);
            self.surprises += 1;
        } else {
            self.subjects.insert(place, texts);
        }
    }

    /// Whether another attempt may meet what is foreseen.
    pub(super) fn may_come_true(&self) -> bool {
        self.surprises <= MOST_SURPRISES
    }

    /// Whose rows an operation met.
    pub(super) fn subjects(&self, place: usize) -> &[Option<String>] {
        self.subjects.get(&place).map_or(&[], Vec::as_slice)
    }

    /// What a reference stands for, as far as can be said.
    pub(super) fn value(&self, reference: &Reference, steps: &[Step], repositories: &[Repository]) -> Option<Referred> {
        if let Some(met) = self.values.get(reference) {
            return Some(met.clone());
        }
        // An answer has the subjects that its operation names.
        let (row, column) = reference.cell.as_ref()?;
        let Step { repository, request } = steps.get(reference.operation)?;
        if repositories[usize::from(repository.0)].subject.as_ref() != Some(column) {
            return None;
        }
        match request {
            Request::Insert(insert) => {
                let is_here = |placed: &&PlacedReference| placed.row == *row && placed.column == *column;
                match insert.rows.references.iter().find(is_here) {
                    Some(placed) => self.value(&placed.reference, steps, repositories),
                    None => insert.rows.subjects.get(*row).cloned().map(Referred),
                }
            }
            _ => match request.filter()?.pinned(column)?[..] {
                [text] => Some(Referred(Some(text.to_owned()))),
                _ => None,
            },
        }
    }

    /// Whether columns that are compared with references name a row which the transaction itself writes, or rows that refer to
    /// one which it adds. Of such rows the other side has none. The columns compared must make up the key of that row.
    pub(super) fn name_own_row(
        &self,
        reference: &Reference,
        compared: &[(&str, &Reference)],
        repository: &Repository,
        steps: &[Step],
        repositories: &[Repository],
    ) -> bool {
        let (Some((row, _)), Some(source)) = (&reference.cell, steps.get(reference.operation)) else {
            return false;
        };
        let key = &repositories[usize::from(source.repository.0)].key;
        let is_part = |(column, part): &(&str, &Reference), name: &String| {
            let same_row = part.operation == reference.operation && part.cell.as_ref() == Some(&(*row, name.clone()));
            let itself = source.repository == repository.id && *column == name;
            let added = source.request.action() == Action::Insert || self.changing.contains(*part);
            same_row && (itself || added)
        };
        matches!(source.request, Request::Insert(_))
            && key.iter().all(|name| compared.iter().any(|pair| is_part(pair, name)))
            && reference.cell.as_ref().is_some_and(|(_, column)| key.contains(column))
    }
}
