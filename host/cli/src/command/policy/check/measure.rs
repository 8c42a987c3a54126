//! How long a policy takes for a call, on this machine and now.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use turnout_runtime::CallError;
use turnout_vocabulary::Repository;

use crate::command::policy::fitting::FittingPolicy;
use crate::command::policy::kit::{Call, Target};
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
    let target = Target {
        repository: repository.id,
        subject,
    };
    let calls = policy.calls(target).into_iter();
    let timed = calls.map(|(function, call)| Ok((function, median(&call)?)));
    timed.collect()
}

fn median(call: &Call<'_>) -> Result<Duration, CallError> {
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
