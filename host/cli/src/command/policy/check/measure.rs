//! How long a policy takes for a call, on this machine and now.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use turnout_runtime::CallError;
use turnout_vocabulary::{
    Action, ApplyFailure, Backend, Conditions, Health, MirrorState, PerBackend, Repository, Written,
};

use crate::command::policy::fitting::{Fitting, FittingPolicy};
use crate::command::policy::surroundings::Surroundings;

/// How many calls of each function are made.
pub(super) const CALLS: u32 = SAMPLES * AT_ONCE;

const SAMPLES: u32 = 500;

/// How many calls are timed together: reading the clock takes as long as a short call.
const AT_ONCE: u32 = 8;

/// How long each function takes, for a subject where the repositories have any.
pub(super) fn medians(policy: &FittingPolicy, surroundings: &Surroundings) -> Result<Vec<(&'static str, Duration)>> {
    let repositories = surroundings.repositories();
    let of_subjects = |repository: &&Repository| repository.subject.is_some();
    let repository = repositories.iter().find(of_subjects).or(repositories.first());
    let repository = repository.context("the configuration names no repository")?;
    let subject = surroundings.rule().made_up(1);
    let subject = repository.subject.as_ref().map(|_| &subject);
    let repository = repository.id;
    Ok(match policy {
        Fitting::Routing(policy) => {
            let healthy = Health {
                up: true,
                p95: Duration::from_millis(1),
            };
            let conditions = Conditions {
                backends: PerBackend::from_fn(|_| healthy),
                mirror_lag: Some(Duration::ZERO),
            };
            vec![
                ("admit", median(|| policy.admit(Action::Find, repository, subject))?),
                ("authority", median(|| policy.authority(repository, subject))?),
                ("span", median(|| policy.span(repository))?),
                ("mirrored", median(|| policy.mirrored(repository, subject))?),
                (
                    "read",
                    median(|| policy.read(Action::Find, repository, subject, &conditions))?,
                ),
            ]
        }
        Fitting::DualWrite(policy) => {
            let failure = ApplyFailure {
                repository,
                source: Backend::Old,
                sqlstate: "23503".into(),
                attempt: 1,
                age: Duration::ZERO,
            };
            let written = Written {
                action: Action::Insert,
                repository,
                authority: Backend::Old,
                took: Duration::from_millis(1),
                mirror: MirrorState::Done,
                mirror_took: Some(Duration::from_millis(1)),
            };
            vec![
                (
                    "mirror",
                    median(|| policy.mirror(Action::Insert, repository, subject, Backend::Old))?,
                ),
                ("retry", median(|| policy.retry(&failure))?),
                ("settle", median(|| policy.settle(&written))?),
            ]
        }
    })
}

fn median<T>(call: impl Fn() -> Result<T, CallError>) -> Result<Duration, CallError> {
    let sample = || {
        let begun = Instant::now();
        for _ in 0..AT_ONCE {
            call()?;
        }
        Ok(begun.elapsed() / AT_ONCE)
    };
    let mut samples = (0..SAMPLES).map(|_| sample()).collect::<Result<Vec<_>, _>>()?;
    samples.sort_unstable();
    Ok(samples[samples.len() / 2])
}
