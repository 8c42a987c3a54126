//! Who is written and who is read.

use std::time::Duration;

use anyhow::{Result, bail};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};
use turnout_pipeline::{Decided, in_words};
use turnout_runtime::{CallError, Routing, RoutingPolicy};
use turnout_vocabulary::{Action, Conditions, Health, PerBackend, Span, Subject};

use super::question::{Operation, Question};
use super::{Call, Kit, Language, Recorded, Target, Template, call};

static CRATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/routing");

/// The policy in JavaScript.
const JAVASCRIPT: &[(&str, &str)] = &[
    (
        "moved.js",
        include_str!("../../../../../../plugins/javascript/moved.js"),
    ),
    (
        "build.mjs",
        include_str!("../../../../../../plugins/javascript/build.mjs"),
    ),
    (
        "cases.toml",
        include_str!("../../../../../../plugins/javascript/cases.toml"),
    ),
    (
        "package.json",
        include_str!("../../../../../../plugins/javascript/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../../../plugins/javascript/package-lock.json"),
    ),
];

impl Kit for Routing {
    const PURPOSE: &'static str = "Who is written and who is read";

    const INPUTS: &'static [&'static str] = &["operation", "conditions"];

    fn template(language: Language) -> Result<Template> {
        match language {
            Language::Rust => Ok(Template::Crate(&CRATE)),
            Language::Js => Ok(Template::Files {
                files: JAVASCRIPT,
                ignored: "/node_modules\n/*.wasm\n",
                next: |policy, name| {
                    format!(
                        "{policy}/moved.js decides, cases.toml is what it should decide.\n\
                         Next:\n  \
                         cd {policy} && npm ci && node build.mjs moved.js routing {name}.wasm\n  \
                         turnout policy test {name}.wasm"
                    )
                },
            }),
            Language::Python => bail!(
                "componentize-py can't build the world routing, whose export `read` has the name of a function of its libc; write \
                 it in Rust or JavaScript"
            ),
        }
    }

    fn decide(policy: &RoutingPolicy, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>> {
        let Operation {
            action,
            repository,
            subject,
        } = question.operation()?;
        let subject = subject.as_ref();
        Ok(match function {
            "authority" => policy.authority(repository, subject).map(|backend| json!(backend)),
            "span" => policy.span(repository).map(|span| match span {
                Span::One(backend) => json!(backend),
                Span::Both => json!("both"),
            }),
            "mirrored" => policy.mirrored(repository, subject).map(|mirrored| json!(mirrored)),
            "read" => {
                let conditions = question.input::<Written>("conditions")?.unwrap_or_default();
                policy
                    .read(action, repository, subject, &conditions.into())
                    .map(in_words::read)
            }
            "admit" => policy.admit(action, repository, subject).map(in_words::admission),
            _ => {
                bail!("a routing policy decides `authority`, `span`, `mirrored`, `read` and `admit`, not `{function}`")
            }
        })
    }

    fn decide_again(policy: &RoutingPolicy, recorded: Recorded, subject: Option<&Subject>) -> Decided {
        Decided::by_routing(policy, recorded.action, recorded.repository, subject)
    }

    fn calls<'p>(policy: &'p RoutingPolicy, target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        let Target { repository, subject } = target;
        let healthy = Health {
            up: true,
            p95: Duration::from_millis(1),
        };
        let conditions = Conditions {
            backends: PerBackend::from_fn(|_| healthy),
            mirror_lag: Some(Duration::ZERO),
        };
        vec![
            ("admit", call(move || policy.admit(Action::Find, repository, subject))),
            ("authority", call(move || policy.authority(repository, subject))),
            ("span", call(move || policy.span(repository))),
            ("mirrored", call(move || policy.mirrored(repository, subject))),
            (
                "read",
                call(move || policy.read(Action::Find, repository, subject, &conditions)),
            ),
        ]
    }
}

/// The state of the backends, as a case writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    old: WrittenHealth,
    new: WrittenHealth,
    mirror_lag_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenHealth {
    up: bool,
    p95_us: u64,
}

impl Default for WrittenHealth {
    fn default() -> Self {
        Self { up: true, p95_us: 0 }
    }
}

impl From<WrittenHealth> for Health {
    fn from(WrittenHealth { up, p95_us }: WrittenHealth) -> Self {
        Self {
            up,
            p95: Duration::from_micros(p95_us),
        }
    }
}

impl From<Written> for Conditions {
    fn from(
        Written {
            old,
            new,
            mirror_lag_ms,
        }: Written,
    ) -> Self {
        Self {
            backends: PerBackend {
                old: old.into(),
                new: new.into(),
            },
            mirror_lag: mirror_lag_ms.map(Duration::from_millis),
        }
    }
}
