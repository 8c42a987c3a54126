//! Which differences between the sides count, who hears of them, and what is repaired.

use std::time::Duration;

use anyhow::{Result, bail};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};
use turnout_runtime::{CallError, Divergence, DivergencePolicy, World};
use turnout_vocabulary::{
    Backend, ComparedColumn, ComparisonCount, ComparisonSource, ComparisonWindow, DivergedRow, DivergenceAlert,
    DivergenceAlertKind, DivergenceForm, Pair, RepairAction,
};

use super::question::Question;
use super::{Call, Kit, Language, Target, Template, call, no_template};

static CRATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/command/policy/template/divergence");

/// The policy in JavaScript. It decides what the template in Rust does, so its settings and cases are the same.
const JAVASCRIPT: &[(&str, &str)] = &[
    (
        "tolerant.js",
        include_str!("../../../../../../plugins/javascript/tolerant.js"),
    ),
    (
        "build.mjs",
        include_str!("../../../../../../plugins/javascript/build.mjs"),
    ),
    ("cases.toml", include_str!("../template/divergence/cases.toml")),
    ("settings.toml", include_str!("../template/divergence/settings.toml")),
    (
        "package.json",
        include_str!("../../../../../../plugins/javascript/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../../../plugins/javascript/package-lock.json"),
    ),
];

impl Kit for Divergence {
    const PURPOSE: &'static str = "Which differences between the sides count, who hears of them, and what is repaired";

    const INPUTS: &'static [&'static str] = &["pair", "window", "row"];

    fn template(language: Language) -> Result<Template> {
        match language {
            Language::Rust => Ok(Template::Crate(&CRATE)),
            Language::Js => Ok(Template::Files {
                files: JAVASCRIPT,
                ignored: "/node_modules\n/*.wasm\n",
                next: |policy, name| {
                    format!(
                        "{policy}/tolerant.js decides, settings.toml is what its users write, cases.toml is what it should decide.\n\
                         Next:\n  \
                         cd {policy} && npm ci && node build.mjs tolerant.js divergence {name}.wasm\n  \
                         turnout policy test {name}.wasm"
                    )
                },
            }),
            Language::Python => no_template(Self::NAME, language),
        }
    }

    fn decide(policy: &DivergencePolicy, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>> {
        Ok(match function {
            "compare" => {
                let pair = pair(question)?;
                let name = |place: usize| pair.columns.get(place).map(|column| column.name.as_str());
                let differing = policy.compare(&pair);
                differing.map(|places| places.into_iter().filter_map(name).collect())
            }
            "assess" => policy
                .assess(&window(question)?)
                .map(|alerts| alerts.iter().map(alert).collect()),
            "repair" => policy.repair(&row(question)?).map(|action| match action {
                RepairAction::Leave => json!("leave"),
                RepairAction::Mirror => json!("mirror"),
                RepairAction::Call => json!("call"),
            }),
            _ => bail!("a divergence policy decides `compare`, `assess` and `repair`, not `{function}`"),
        })
    }

    fn calls<'p>(policy: &'p DivergencePolicy, target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        let Target { repository, subject } = target;
        let column = |(name, kind, old, new): (&str, &str, &str, &str)| ComparedColumn {
            name: name.into(),
            kind: kind.into(),
            old: Some(old.into()),
            new: Some(new.into()),
        };
        let columns = [
            ("id", "bigint", "7", "7"),
            ("name", "text", "Anna", "Anna Ivanova"),
            ("balance", "numeric(10,2)", "1.50", "1.50"),
            (
                "updated_at",
                "timestamp with time zone",
                "2026-01-02 03:04:05+00",
                "2026-01-02 03:04:06+00",
            ),
        ];
        let pair = Pair {
            repository,
            subject: subject.cloned(),
            columns: columns.into_iter().map(column).collect(),
        };
        let window = ComparisonWindow {
            length: WINDOW,
            counts: vec![ComparisonCount {
                repository,
                source: ComparisonSource::Read,
                compared: 100,
                equal: 80,
                unsettled: 0,
                diverged: 20,
                dropped: 0,
                failed: 0,
            }],
            open: 20,
            since_report: None,
        };
        let row = DivergedRow {
            repository,
            subject: subject.cloned(),
            authority: Backend::Old,
            source: ComparisonSource::Read,
            form: DivergenceForm::Differs,
            columns: vec!["name".into()],
            age: Duration::ZERO,
            attempts: 0,
        };
        vec![
            ("compare", call(move || policy.compare(&pair))),
            ("assess", call(move || policy.assess(&window))),
            ("repair", call(move || policy.repair(&row))),
        ]
    }
}

/// The length of the window that a host shows.
const WINDOW: Duration = Duration::from_mins(5);

/// A row on both sides, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPair {
    repository: String,
    columns: Vec<WrittenColumn>,
}

/// A column of it. A text that is left out is null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumn {
    name: String,
    kind: String,
    old: Option<String>,
    new: Option<String>,
}

/// What was compared lately, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWindow {
    #[serde(default)]
    counts: Vec<WrittenCount>,
    #[serde(default)]
    open: u64,
    since_report_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCount {
    repository: String,
    #[serde(with = "SourceWord")]
    source: ComparisonSource,
    #[serde(default)]
    equal: u64,
    #[serde(default)]
    unsettled: u64,
    #[serde(default)]
    diverged: u64,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    failed: u64,
}

/// A row that differs, as a case writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    repository: String,
    authority: Backend,
    #[serde(with = "SourceWord")]
    source: ComparisonSource,
    #[serde(with = "FormWord")]
    form: DivergenceForm,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    age_s: u64,
    #[serde(default)]
    attempts: u32,
}

#[derive(Deserialize)]
#[serde(remote = "ComparisonSource", rename_all = "lowercase")]
enum SourceWord {
    Read,
    Mirrored,
    Walk,
    Direct,
    Baseline,
}

#[derive(Deserialize)]
#[serde(remote = "DivergenceForm", rename_all = "lowercase")]
enum FormWord {
    Differs,
    Missing,
    Surplus,
}

fn pair(question: &Question<'_>) -> Result<Pair> {
    let WrittenPair { repository, columns } = question.needed("pair")?;
    let column = |WrittenColumn { name, kind, old, new }| ComparedColumn { name, kind, old, new };
    Ok(Pair {
        repository: question.repository(&repository)?,
        subject: None,
        columns: columns.into_iter().map(column).collect(),
    })
}

fn window(question: &Question<'_>) -> Result<ComparisonWindow> {
    let window: WrittenWindow = question.needed("window")?;
    let count = |count: &WrittenCount| {
        let &WrittenCount {
            equal,
            unsettled,
            diverged,
            ..
        } = count;
        Ok(ComparisonCount {
            repository: question.repository(&count.repository)?,
            source: count.source,
            compared: equal.saturating_add(unsettled).saturating_add(diverged),
            equal,
            unsettled,
            diverged,
            dropped: count.dropped,
            failed: count.failed,
        })
    };
    Ok(ComparisonWindow {
        length: WINDOW,
        counts: window.counts.iter().map(count).collect::<Result<_>>()?,
        open: window.open,
        since_report: window.since_report_s.map(Duration::from_secs),
    })
}

fn row(question: &Question<'_>) -> Result<DivergedRow> {
    let row: WrittenRow = question.needed("row")?;
    Ok(DivergedRow {
        repository: question.repository(&row.repository)?,
        subject: None,
        authority: row.authority,
        source: row.source,
        form: row.form,
        columns: row.columns,
        age: Duration::from_secs(row.age_s),
        attempts: row.attempts,
    })
}

fn alert(DivergenceAlert { kind, severity }: &DivergenceAlert) -> Value {
    let (word, severity) = (kind.as_str(), severity.as_str());
    match kind {
        DivergenceAlertKind::Rate { hundredths } => {
            json!({"kind": word, "severity": severity, "hundredths": hundredths})
        }
        DivergenceAlertKind::Many { rows } | DivergenceAlertKind::FailedMirror { rows } => {
            json!({"kind": word, "severity": severity, "rows": rows})
        }
        DivergenceAlertKind::Report { open } => json!({"kind": word, "severity": severity, "open": open}),
        DivergenceAlertKind::Other(own) => json!({"kind": word, "severity": severity, "word": own}),
    }
}
