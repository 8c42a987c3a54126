//! What a policy decides on a case, as the data that cases are written in.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use turnout_pipeline::in_words;
use turnout_runtime::{CallError, DualWritePolicy, RoutingPolicy};
use turnout_vocabulary::{
    Alert, AlertKind, ApplyFailure, Backend, Conditions, Health, PerBackend, Retry, Span, Written,
};

use super::cases::{self, Case, Cases};
use super::difference;
use crate::command::policy::fitting::{Fitting, FittingPolicy};

/// Where a policy's decisions differ from those of a case. Only the functions that the case names are asked.
pub(super) fn differences(policy: &FittingPolicy, case: &Case, cases: &Cases) -> Result<Vec<String>> {
    ensure!(!case.decision.is_empty(), "its `decision` is empty");
    let mut differences = Vec::new();
    for (function, expected) in &case.decision {
        let decided = match policy {
            Fitting::Routing(policy) => routing(policy, function, case, cases)?,
            Fitting::DualWrite(policy) => dual_write(policy, function, case, cases)?,
        };
        match decided {
            Ok(decided) => difference::add(&mut differences, function, expected, &decided),
            Err(failed) => differences.push(failed.to_string()),
        }
    }
    Ok(differences)
}

type Decided = Result<Value, CallError>;

fn routing(policy: &RoutingPolicy, function: &str, case: &Case, cases: &Cases) -> Result<Decided> {
    let operation = case.operation.as_ref().context("it has no `operation`")?;
    let repository = cases.repository(&operation.repository)?;
    let subject = cases.subject(operation.subject.as_deref())?;
    let (action, subject) = (operation.action, subject.as_ref());
    Ok(match function {
        "authority" => policy.authority(repository, subject).map(|backend| json!(backend)),
        "span" => policy.span(repository).map(|span| match span {
            Span::One(backend) => json!(backend),
            Span::Both => json!("both"),
        }),
        "mirrored" => policy.mirrored(repository, subject).map(|mirrored| json!(mirrored)),
        "read" => policy
            .read(action, repository, subject, &conditions(&case.conditions))
            .map(in_words::read),
        "admit" => policy.admit(action, repository, subject).map(in_words::admission),
        _ => bail!("a routing policy decides `authority`, `span`, `mirrored`, `read` and `admit`, not `{function}`"),
    })
}

fn dual_write(policy: &DualWritePolicy, function: &str, case: &Case, cases: &Cases) -> Result<Decided> {
    Ok(match function {
        "mirror" => {
            let operation = case.operation.as_ref().context("it has no `operation`")?;
            let repository = cases.repository(&operation.repository)?;
            let subject = cases.subject(operation.subject.as_deref())?;
            let authority = case.authority.unwrap_or(Backend::Old);
            policy
                .mirror(operation.action, repository, subject.as_ref(), authority)
                .map(in_words::mirror)
        }
        "retry" => {
            let failure = case.failure.as_ref().context("it has no `failure`")?;
            policy.retry(&failed(failure, cases)?).map(|retry| match retry {
                Retry::Again { after } => json!({"again_ms": milliseconds(after)}),
                Retry::Park => json!("park"),
            })
        }
        "settle" => {
            let outcome = case.outcome.as_ref().context("it has no `outcome`")?;
            policy
                .settle(&written(outcome, cases)?)
                .map(|alerts| alerts.iter().map(alert).collect())
        }
        _ => bail!("a dual-write policy decides `mirror`, `retry` and `settle`, not `{function}`"),
    })
}

fn conditions(conditions: &cases::Conditions) -> Conditions {
    let health = |health: &cases::Health| Health {
        up: health.up,
        p95: Duration::from_micros(health.p95_us),
    };
    Conditions {
        backends: PerBackend {
            old: health(&conditions.old),
            new: health(&conditions.new),
        },
        mirror_lag: conditions.mirror_lag_ms.map(Duration::from_millis),
    }
}

fn failed(failure: &cases::Failure, cases: &Cases) -> Result<ApplyFailure> {
    Ok(ApplyFailure {
        repository: cases.repository(&failure.repository)?,
        source: failure.source,
        sqlstate: failure.sqlstate.clone(),
        attempt: failure.attempt,
        age: Duration::from_millis(failure.age_ms),
    })
}

fn written(outcome: &cases::Outcome, cases: &Cases) -> Result<Written> {
    Ok(Written {
        action: outcome.action,
        repository: cases.repository(&outcome.repository)?,
        authority: outcome.authority,
        took: Duration::from_micros(outcome.took_us),
        mirror: outcome.mirror,
        mirror_took: outcome.mirror_took_us.map(Duration::from_micros),
    })
}

fn alert(Alert { kind, severity }: &Alert) -> Value {
    let (word, severity) = (kind.as_str(), severity.as_str());
    match kind {
        AlertKind::Slow { over } | AlertKind::LateMirror { over } => {
            json!({"kind": word, "severity": severity, "over_ms": milliseconds(*over)})
        }
        AlertKind::Parked => json!({"kind": word, "severity": severity}),
        AlertKind::Other(own) => json!({"kind": word, "severity": severity, "word": own}),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
