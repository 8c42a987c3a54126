use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use turnout_runtime::{CallError, Policy, World, presentable};
use turnout_vocabulary::{RepositoryId, Span, Subject};

use crate::Scope;

/// How many examples of differences are kept.
const EXAMPLES: usize = 16;

/// The longest answer that is shown, in bytes.
const ANSWER_BYTES: usize = 256;

/// The policy of one world: the stable version, and one on trial for a part of the subjects or in the shadow.
pub struct Shipped<W: World> {
    pub(crate) stable: Policy<W>,
    pub(crate) trial: Option<Trial<W>>,
}

/// A version on trial.
pub(crate) struct Trial<W: World> {
    pub(crate) policy: Policy<W>,
    pub(crate) scope: Scope,
    differences: AtomicU64,
    /// The same of all versions.
    all: Counter,
    examples: Mutex<Vec<Difference>>,
}

/// A question that both versions were asked and answered differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The function of the world.
    pub function: &'static str,
    /// The number of the repository.
    pub repository: RepositoryId,
    /// What the stable version says.
    pub stable: String,
    /// What the version on trial says.
    pub trial: String,
}

/// Where two versions differ.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// How many answers differed.
    pub answers: u64,
    /// Some of them.
    pub examples: Vec<Difference>,
}

impl<W: World> Shipped<W> {
    /// The version that decides for a subject.
    pub fn of(&self, subject: Option<&Subject>) -> &Policy<W> {
        self.trial_for(subject).map_or(&self.stable, |trial| &trial.policy)
    }

    /// The version on trial, if it decides for a subject.
    pub(crate) fn trial_for(&self, subject: Option<&Subject>) -> Option<&Trial<W>> {
        let trial = self.trial.as_ref()?;
        subject
            .is_some_and(|subject| trial.scope.covers(subject))
            .then_some(trial)
    }

    /// Whether every subject has the same policy with the same settings here and there. A version in the shadow decides for
    /// nobody.
    pub fn decides_as(&self, other: &Self) -> bool {
        self.stable.is_same_as(&other.stable)
            && match (self.deciding_trial(), other.deciding_trial()) {
                (None, None) => true,
                (Some(one), Some(two)) => one.scope == two.scope && one.policy.is_same_as(&two.policy),
                _ => false,
            }
    }

    /// What the version says that decides for a subject. A version in the shadow is asked, too, and where it differs is noted.
    ///
    /// # Errors
    /// [`CallError`] if the version that decides fails.
    pub fn ask<T: PartialEq + std::fmt::Debug>(
        &self,
        function: &'static str,
        repository: RepositoryId,
        subject: Option<&Subject>,
        question: impl Fn(&Policy<W>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let answer = question(self.of(subject));
        if let Some(shadow) = self.shadow() {
            shadow.compare(function, repository, &answer, &question(&shadow.policy));
        }
        answer
    }

    /// Has a version in the shadow asked what the stable one is asked elsewhere.
    pub fn note<T: PartialEq + std::fmt::Debug>(
        &self,
        function: &'static str,
        repository: RepositoryId,
        question: impl Fn(&Policy<W>) -> Result<T, CallError>,
    ) {
        if let Some(shadow) = self.shadow() {
            shadow.compare(function, repository, &question(&self.stable), &question(&shadow.policy));
        }
    }

    fn deciding_trial(&self) -> Option<&Trial<W>> {
        self.trial.as_ref().filter(|trial| trial.scope != Scope::Shadow)
    }

    fn shadow(&self) -> Option<&Trial<W>> {
        self.trial.as_ref().filter(|trial| trial.scope == Scope::Shadow)
    }

    /// Both versions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy<W>> {
        [&self.stable]
            .into_iter()
            .chain(self.trial.as_ref().map(|trial| &trial.policy))
    }

    /// What the shadow has found so far.
    pub fn differences(&self) -> Differences {
        self.trial
            .as_ref()
            .map_or_else(Differences::default, |trial| Differences {
                answers: trial.differences.load(Relaxed),
                examples: trial.examples.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            })
    }
}

impl<W: World> Trial<W> {
    pub(crate) fn new(policy: Policy<W>, scope: Scope, all: Counter) -> Self {
        Self {
            policy,
            scope,
            differences: AtomicU64::new(0),
            all,
            examples: Mutex::default(),
        }
    }

    fn compare<T: PartialEq + std::fmt::Debug>(
        &self,
        function: &'static str,
        repository: RepositoryId,
        stable: &Result<T, CallError>,
        trial: &Result<T, CallError>,
    ) {
        if stable == trial {
            return;
        }
        self.differences.fetch_add(1, Relaxed);
        self.all.inc();
        let difference = Difference {
            function,
            repository,
            stable: said(stable),
            trial: said(trial),
        };
        let mut examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        if examples.len() < EXAMPLES && !examples.contains(&difference) {
            examples.push(difference);
        }
    }
}

/// An answer in words.
fn said<T: std::fmt::Debug>(answer: &Result<T, CallError>) -> String {
    match answer {
        Ok(answer) => presentable(&format!("{answer:?}"), ANSWER_BYTES),
        Err(error) => error.failure.to_string(),
    }
}

/// The backends that either of two versions can choose.
pub(crate) fn either(one: Span, other: Span) -> Span {
    if one == other { one } else { Span::Both }
}
