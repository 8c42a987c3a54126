//! How writes reach the other side, and who hears of it.

use std::time::Duration;

use anyhow::{Result, bail};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};
use turnout_pipeline::{Decided, in_words};
use turnout_runtime::{CallError, DualWrite, DualWritePolicy, World};
use turnout_vocabulary::{Action, Alert, AlertKind, ApplyFailure, Backend, MirrorState, Retry, Subject, Written};

use super::question::{ActionWord, Operation, Question};
use super::{Call, Kit, Language, Recorded, Target, Template, call, no_template};

static CRATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/dual-write");

/// The policy in Python. It decides what the template in Rust does, so its settings and cases are the same.
const PYTHON: &[(&str, &str)] = &[
    ("waits.py", include_str!("../../../../../../plugins/python/waits.py")),
    (
        "requirements.txt",
        include_str!("../../../../../../plugins/python/requirements.txt"),
    ),
    ("cases.toml", include_str!("../template/dual-write/cases.toml")),
    ("settings.toml", include_str!("../template/dual-write/settings.toml")),
];

impl Kit for DualWrite {
    const PURPOSE: &'static str = "How writes reach the other side, and who hears of it";

    const INPUTS: &'static [&'static str] = &["operation", "authority", "failure", "outcome"];

    fn template(language: Language) -> Result<Template> {
        match language {
            Language::Rust => Ok(Template::Crate(&CRATE)),
            Language::Js => no_template(Self::NAME, language),
            Language::Python => Ok(Template::Files {
                files: PYTHON,
                ignored: "/venv\n/__pycache__\n/*.wasm\n",
                next: |policy, name| {
                    format!(
                        "{policy}/waits.py decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
                         Such a policy imports WASI and is large: turnout.toml needs policies.wasi = true and policies.module_kib = 32768.\n\
                         Next:\n  \
                         cd {policy} && python3 -m venv venv && venv/bin/pip install -r requirements.txt\n  \
                         venv/bin/componentize-py -d wit -w dual-write componentize waits -o {name}.wasm\n  \
                         turnout policy test {name}.wasm"
                    )
                },
            }),
        }
    }

    fn decide(policy: &DualWritePolicy, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>> {
        Ok(match function {
            "mirror" => {
                let Operation {
                    action,
                    repository,
                    subject,
                } = question.operation()?;
                let authority = question.input("authority")?.unwrap_or(Backend::Old);
                policy
                    .mirror(action, repository, subject.as_ref(), authority)
                    .map(in_words::mirror)
            }
            "retry" => policy.retry(&failed(question)?).map(|retry| match retry {
                Retry::Again { after } => json!({"again_ms": milliseconds(after)}),
                Retry::Park => json!("park"),
            }),
            "settle" => policy
                .settle(&written(question)?)
                .map(|alerts| alerts.iter().map(alert).collect()),
            _ => bail!("a dual-write policy decides `mirror`, `retry` and `settle`, not `{function}`"),
        })
    }

    fn decide_again(policy: &DualWritePolicy, recorded: Recorded, subject: Option<&Subject>) -> Decided {
        let Recorded {
            action,
            repository,
            authority,
        } = recorded;
        if !action.is_write() {
            return Decided::default();
        }
        Decided::by_dual_write(policy, action, repository, subject, authority)
    }

    fn calls<'p>(policy: &'p DualWritePolicy, target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        let Target { repository, subject } = target;
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
                call(move || policy.mirror(Action::Insert, repository, subject, Backend::Old)),
            ),
            ("retry", call(move || policy.retry(&failure))),
            ("settle", call(move || policy.settle(&written))),
        ]
    }
}

/// A failure to mirror a row, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFailure {
    repository: String,
    source: Backend,
    sqlstate: String,
    attempt: u32,
    #[serde(default)]
    age_ms: u64,
}

/// A write that was done, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOutcome {
    #[serde(with = "ActionWord")]
    action: Action,
    repository: String,
    authority: Backend,
    took_us: u64,
    #[serde(with = "MirrorWord")]
    mirror: MirrorState,
    mirror_took_us: Option<u64>,
}

#[derive(Deserialize)]
#[serde(remote = "MirrorState", rename_all = "lowercase")]
enum MirrorWord {
    Done,
    Pending,
    Parked,
    Off,
}

fn failed(question: &Question<'_>) -> Result<ApplyFailure> {
    let failure: WrittenFailure = question.needed("failure")?;
    Ok(ApplyFailure {
        repository: question.repository(&failure.repository)?,
        source: failure.source,
        sqlstate: failure.sqlstate,
        attempt: failure.attempt,
        age: Duration::from_millis(failure.age_ms),
    })
}

fn written(question: &Question<'_>) -> Result<Written> {
    let outcome: WrittenOutcome = question.needed("outcome")?;
    Ok(Written {
        action: outcome.action,
        repository: question.repository(&outcome.repository)?,
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
