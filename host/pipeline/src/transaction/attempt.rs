use std::collections::HashSet;
use std::time::{Duration, Instant};

use turnout_backends::{Entry, Undone, Why};
use turnout_vocabulary::{Backend, MirrorPlan, Outcome, Reference, Referred, RepositoryId, Request};

use super::decided::Decided;
use super::foreseen::Foreseen;
use super::{Reason, Step, Stopped, Transaction};
use crate::Run;
use crate::write::Done;
use crate::{Error, Provenance};

/// What is handed over to a backend, and what is known of it.
#[derive(Default)]
struct List<'t> {
    entries: Vec<Entry<'t>>,
    /// For each entry the operation that it is there for.
    places: Vec<usize>,
    /// For each operation, in their order.
    expected: Vec<Done>,
    /// The references whose values are checked.
    checked: HashSet<&'t Reference>,
}

impl<'t> List<'t> {
    fn push(&mut self, place: usize, entry: Entry<'t>) {
        self.entries.push(entry);
        self.places.push(place);
    }
}

impl<'a> Run<'a> {
    /// Does a transaction once.
    pub(super) async fn attempt<'t>(
        &mut self,
        transaction: &'t Transaction,
        foreseen: &mut Foreseen,
    ) -> Result<Vec<Outcome>, Stopped>
    where
        'a: 't,
    {
        let nowhere = |error: Error| (None, Reason::Error(error));
        self.check_site().map_err(nowhere)?;
        let steps = &transaction.steps;
        let mut decided = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            self.turn_to(step.repository);
            let step = self.decide_step(steps, place, foreseen).await;
            decided.push(step.map_err(|error| (Some(place), error.into()))?);
        }
        let authority = self.common_authority(&decided)?;
        let list = self.list(steps, decided, authority, foreseen).await?;

        let database = &self.pipeline.backends[authority];
        let began = Instant::now();
        let (isolation, epoch) = (transaction.isolation, self.policies.epoch);
        let work = database.execute_all(&list.entries, isolation, epoch);
        let outcomes = match self.timed(authority, work).await {
            Ok(outcomes) => outcomes,
            Err(undone) => return Err(self.stopped(undone, steps, &list, foreseen)),
        };
        let took = began.elapsed() / u32::try_from(list.entries.len()).unwrap_or(u32::MAX).max(1);
        let all = steps.iter().zip(list.expected).zip(&outcomes);
        let all: Vec<_> = all
            .map(|((step, done), outcome)| {
                let outcome = outcome.clone();
                (step.repository, Done { took, outcome, ..done })
            })
            .collect();
        self.mirror_all(authority, &all).await.map_err(nowhere)?;
        Ok(outcomes)
    }

    fn turn_to(&mut self, repository: RepositoryId) {
        self.repository = &self.pipeline.repositories[usize::from(repository.0)];
    }

    /// The one authority of all operations. Those that say by themselves whose rows they touch have a say in it; those whose
    /// subjects are values of earlier answers must have the same.
    fn common_authority(&mut self, decided: &[Decided<'_>]) -> Result<Backend, Stopped> {
        let of = |authority| {
            let all = decided.iter().enumerate();
            let own = all.filter(move |(_, step)| step.authority == Some(authority) && step.values.is_empty());
            own.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let (old, new) = (of(Backend::Old), of(Backend::New));
        let authority = match (old.is_empty(), new.is_empty()) {
            (false, true) => Backend::Old,
            (true, false) => Backend::New,
            (true, true) => self.authority(None).map_err(|error| (None, error.into()))?,
            (false, false) => return Err((None, Error::Apart { old, new }.into())),
        };
        let is_other = |step: &Decided<'_>| step.authority.is_some_and(|of| of != authority);
        match decided.iter().position(is_other) {
            Some(place) => Err((Some(place), Error::SeveralAuthorities.into())),
            None => Ok(authority),
        }
    }

    /// The operations, and before each what must be as it was foreseen. The list ends before an operation that depends on something
    /// of which nothing is known: then it only finds that out.
    async fn list<'t>(
        &mut self,
        steps: &'t [Step],
        decided: Vec<Decided<'t>>,
        authority: Backend,
        foreseen: &Foreseen,
    ) -> Result<List<'t>, Stopped>
    where
        'a: 't,
    {
        let mut list = List::default();
        for (place, (step, decided)) in steps.iter().zip(decided).enumerate() {
            self.turn_to(step.repository);
            for (reference, value) in &decided.values {
                if list.checked.insert(reference) {
                    list.push(place, Entry::Value(reference, value.clone()));
                }
            }
            if !decided.is_foreseen() {
                break;
            }
            let listed = self.list_step(place, decided, authority, foreseen, &mut list).await;
            listed.map_err(|error| (Some(place), error.into()))?;
        }
        Ok(list)
    }

    async fn list_step<'t>(
        &mut self,
        place: usize,
        decided: Decided<'t>,
        authority: Backend,
        foreseen: &Foreseen,
        list: &mut List<'t>,
    ) -> Result<(), Error>
    where
        'a: 't,
    {
        let hands_over = self.hands_over(&decided.question(), authority).await?;
        let beside = self
            .read_beside(authority, &decided.request, decided.subjects.only())
            .await?;
        self.await_other_side(authority, &beside.awaited).await;
        let action = decided.request.action();
        let refers = decided.refers();
        let Decided {
            mut request,
            mut subjects,
            matching,
            ..
        } = decided;
        if let Some(mut matching) = matching {
            let met = foreseen.subjects(place);
            // The other side was not asked, so these may be copies of rows that it has.
            if refers && self.own(action, authority, met.to_vec())?.len() < met.len() {
                return Err(Error::SeveralAuthorities);
            }
            let mut texts = std::mem::take(&mut matching[authority]);
            texts.extend_from_slice(met);
            texts.extend(self.written_before(list));
            let own = self.own(action, authority, texts.clone())?;
            let part = self.narrowed(&request, authority, own);
            let filter = request.filter().cloned().unwrap_or_default();
            list.push(place, Entry::Subjects(self.repository, filter, texts));
            (request, subjects) = (part.request, part.subjects);
        }
        list.expected.push(Done {
            action,
            subjects: subjects.with_those_of_change(&request, self.repository, &self.pipeline.rule),
            authority,
            took: Duration::ZERO,
            hands_over,
            outcome: Outcome::default(),
        });
        list.push(place, Entry::Request(self.repository, request));
        Ok(())
    }

    /// The texts that earlier operations of a list write to the subject column of this repository.
    fn written_before(&self, list: &List<'_>) -> Vec<Option<String>> {
        let mut written = Vec::new();
        for entry in &list.entries {
            match entry {
                Entry::Request(repository, request) if repository.id == self.repository.id => match &**request {
                    Request::Insert(insert) => written.extend_from_slice(&insert.rows.subjects),
                    Request::Update(update)
                        if repository
                            .subject
                            .as_ref()
                            .is_some_and(|subject| update.change.columns.contains(subject)) =>
                    {
                        written.extend_from_slice(&update.change.subjects);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        written
    }

    /// Why an attempt stopped that was handed over. What it met is foreseen at the next.
    fn stopped(
        &mut self,
        undone: Undone<turnout_backends::Error>,
        steps: &[Step],
        list: &List<'_>,
        foreseen: &mut Foreseen,
    ) -> Stopped {
        let place = undone.at.and_then(|at| list.places.get(at).copied());
        if let Some(step) = place.and_then(|place| steps.get(place)) {
            self.turn_to(step.repository);
        }
        let reason = match undone.why {
            Why::Failed(error) => Reason::Error(error.into()),
            Why::Unresolved(reference) => Reason::Unresolved(reference),
            Why::Unforeseen(mut texts) => {
                match (undone.at.and_then(|at| list.entries.get(at)), place) {
                    (Some(Entry::Value(reference, _)), _) => {
                        foreseen.note_value(reference, Referred(texts.pop().flatten()));
                    }
                    (Some(Entry::Subjects(..)), Some(place)) => foreseen.note_subjects(place, texts),
                    _ => {}
                }
                Reason::Error(Error::Unforeseen)
            }
        };
        (place, reason)
    }

    /// What follows the commit: see [`mirror`](Self::mirror). The longest plan counts for all operations.
    async fn mirror_all(&mut self, authority: Backend, all: &[(RepositoryId, Done)]) -> Result<(), Error> {
        let writes = || all.iter().filter(|(_, done)| done.action.is_write());
        let mut plan = MirrorPlan::Off;
        for (repository, done) in writes() {
            self.turn_to(*repository);
            plan = longer(plan, self.mirror_plan(done.action, &done.subjects, authority));
        }
        let transaction = writes().find_map(|(_, done)| done.outcome.transaction);
        let hands_over = writes().any(|(_, done)| done.hands_over);
        let began = Instant::now();
        let state = self.reach(authority, transaction, plan, hands_over).await?;
        let took = began.elapsed();
        for (repository, done) in all {
            self.turn_to(*repository);
            let came = Provenance {
                database: done.took,
                ..self.provenance
            };
            self.pipeline.metrics.operation(*repository, done.action, &came, None);
            if done.action.is_write() {
                self.note_own_write(done, transaction, state);
                self.settle(done, state, took);
            }
        }
        Ok(())
    }
}

/// The one of two plans that waits longer.
fn longer(one: MirrorPlan, other: MirrorPlan) -> MirrorPlan {
    let wait = |plan| match plan {
        MirrorPlan::Off => None,
        MirrorPlan::Async => Some(Duration::ZERO),
        MirrorPlan::Sync { bound } => Some(bound),
    };
    if wait(other) > wait(one) { other } else { one }
}
