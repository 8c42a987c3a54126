//! Which rows are test rows, and whether a deletion of test rows goes ahead.

use std::time::Duration;

use anyhow::{Result, bail};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};
use turnout_runtime::{CallError, SafeCleanup, SafeCleanupPolicy, World};
use turnout_vocabulary::{
    Backend, CleanupColumn, CleanupCount, CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict,
};

use super::question::Question;
use super::{Call, Kit, Language, Target, Template, call, no_template};

static CRATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/safe-cleanup");

/// The policy in JavaScript. It decides what the template in Rust does, so its settings and cases are the same.
const JAVASCRIPT: &[(&str, &str)] = &[
    (
        "marked.js",
        include_str!("../../../../../../plugins/javascript/marked.js"),
    ),
    (
        "build.mjs",
        include_str!("../../../../../../plugins/javascript/build.mjs"),
    ),
    ("cases.toml", include_str!("../template/safe-cleanup/cases.toml")),
    ("settings.toml", include_str!("../template/safe-cleanup/settings.toml")),
    (
        "package.json",
        include_str!("../../../../../../plugins/javascript/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../../../plugins/javascript/package-lock.json"),
    ),
];

impl Kit for SafeCleanup {
    const PURPOSE: &'static str = "Which rows are test rows, and whether a deletion of test rows goes ahead";

    const INPUTS: &'static [&'static str] = &["row", "request", "evidence"];

    fn template(language: Language) -> Result<Template> {
        match language {
            Language::Rust => Ok(Template::Crate(&CRATE)),
            Language::Js => Ok(Template::Files {
                files: JAVASCRIPT,
                ignored: "/node_modules\n/*.wasm\n",
                next: |policy, name| {
                    format!(
                        "{policy}/marked.js decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
                         Next:\n  \
                         cd {policy} && npm ci && node build.mjs marked.js safe-cleanup {name}.wasm\n  \
                         turnout policy test {name}.wasm"
                    )
                },
            }),
            Language::Python => no_template(Self::NAME, language),
        }
    }

    fn decide(policy: &SafeCleanupPolicy, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>> {
        Ok(match function {
            "marks" => {
                let row = row(question.needed("row")?, question)?;
                policy.marks(&row).map(|marked| json!(marked))
            }
            "review" => {
                let (request, evidence) = (request(question)?, evidence(question)?);
                policy.review(&request, &evidence).map(|answer| verdict(&answer))
            }
            _ => bail!("a safe-cleanup policy decides `marks` and `review`, not `{function}`"),
        })
    }

    fn calls<'p>(policy: &'p SafeCleanupPolicy, target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        let Target { repository, subject } = target;
        let columns = [
            ("id", "bigint", "7"),
            ("name", "text", "Anna Ivanova"),
            ("balance", "numeric(10,2)", "1.50"),
            ("updated_at", "timestamp with time zone", "2026-01-02 03:04:05+00"),
        ];
        let columns = columns.map(|(name, kind, text)| CleanupColumn {
            name: name.into(),
            kind: kind.into(),
            text: Some(text.into()),
        });
        let row = CleanupRow {
            repository,
            subject: subject.cloned(),
            columns: columns.into(),
        };
        let request = CleanupRequest {
            repository,
            execute: true,
            expected: Some(5),
        };
        let evidence = CleanupEvidence {
            counts: vec![CleanupCount {
                repository,
                backend: Backend::Old,
                requested: 5,
                referring: 0,
                marked: 5,
                table_rows: 1_000,
                youngest: None,
                oldest: None,
            }],
            samples: vec![row.clone(); 5],
        };
        vec![
            ("marks", call(move || policy.marks(&row))),
            ("review", call(move || policy.review(&request, &evidence))),
        ]
    }
}

/// A row, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    repository: String,
    subject: Option<String>,
    columns: Vec<WrittenColumn>,
}

/// A column of it. A text that is left out is null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumn {
    name: String,
    kind: String,
    text: Option<String>,
}

/// What somebody asks to delete, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    repository: String,
    #[serde(default)]
    execute: bool,
    expected: Option<u64>,
}

/// What would be deleted, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvidence {
    #[serde(default)]
    counts: Vec<WrittenCount>,
    #[serde(default)]
    samples: Vec<WrittenRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCount {
    repository: String,
    backend: Backend,
    #[serde(default)]
    requested: u64,
    #[serde(default)]
    referring: u64,
    #[serde(default)]
    marked: u64,
    table_rows: u64,
    youngest_s: Option<u64>,
    oldest_s: Option<u64>,
}

fn row(written: WrittenRow, question: &Question<'_>) -> Result<CleanupRow> {
    let column = |WrittenColumn { name, kind, text }| CleanupColumn { name, kind, text };
    Ok(CleanupRow {
        repository: question.repository(&written.repository)?,
        subject: question.subject(written.subject.as_deref())?,
        columns: written.columns.into_iter().map(column).collect(),
    })
}

fn request(question: &Question<'_>) -> Result<CleanupRequest> {
    let WrittenRequest {
        repository,
        execute,
        expected,
    } = question.needed("request")?;
    Ok(CleanupRequest {
        repository: question.repository(&repository)?,
        execute,
        expected,
    })
}

fn evidence(question: &Question<'_>) -> Result<CleanupEvidence> {
    let WrittenEvidence { counts, samples } = question.needed("evidence")?;
    let count = |count: WrittenCount| {
        Ok(CleanupCount {
            repository: question.repository(&count.repository)?,
            backend: count.backend,
            requested: count.requested,
            referring: count.referring,
            marked: count.marked,
            table_rows: count.table_rows,
            youngest: count.youngest_s.map(Duration::from_secs),
            oldest: count.oldest_s.map(Duration::from_secs),
        })
    };
    let samples = samples.into_iter().map(|written| row(written, question));
    Ok(CleanupEvidence {
        counts: counts.into_iter().map(count).collect::<Result<_>>()?,
        samples: samples.collect::<Result<_>>()?,
    })
}

fn verdict(verdict: &CleanupVerdict) -> Value {
    match verdict {
        CleanupVerdict::Agreed => json!("agreed"),
        CleanupVerdict::TooManyRows { limit } => json!({"too_many_rows": limit}),
        CleanupVerdict::TooLargeShare { hundredths, from } => {
            json!({"too_large_share": {"hundredths": hundredths, "from_rows": from}})
        }
        CleanupVerdict::Refused(word) => json!({"other": word}),
    }
}
