//! The policy that says what counts as equal, as a host asks it: the one that is built in, and one that fails.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use turnout_policies::{Acceptance, Policies, PolicyMetrics, PolicySource, Refused, TrustedKeys, Worlds};
use turnout_runtime::{Failures, Options, Runtime};
use turnout_tests::core_module;
use turnout_vocabulary::{ComparedColumn, Pair, Repository, RepositoryId, SubjectRule};

/// A policy that traps where a row has two columns.
const TRAPS: &str = include_str!("../../../host/runtime/tests/fixtures/divergence.wat");

/// The policies of a host whose directory holds these files.
fn policies(files: &[(&str, &[u8])]) -> Result<Result<Policies, Refused>> {
    let directory = TempDir::new()?;
    for (name, content) in files {
        fs::write(directory.path().join(name), content)?;
    }
    Ok(Policies::load(
        PolicySource::new(directory.path(), Worlds::default()),
        Runtime::new(&Options::default())?,
        Arc::new([Repository {
            id: RepositoryId(0),
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: Some("phone".into()),
            compared: Vec::new(),
        }]),
        SubjectRule::for_region("RU").context("there is no region RU")?,
        Acceptance {
            trusted_keys: TrustedKeys::default(),
            exam_budget: Duration::from_secs(10),
        },
        Arc::new(PolicyMetrics::register(&mut Registry::default())),
        None,
    ))
}

/// A row of columns called `column`, given by their types and texts.
fn pair(columns: &[(&str, &str, &str)]) -> Pair {
    let column = |(kind, old, new): &(&str, &str, &str)| ComparedColumn {
        name: "column".into(),
        kind: (*kind).into(),
        old: Some((*old).into()),
        new: Some((*new).into()),
    };
    Pair {
        repository: RepositoryId(0),
        subject: None,
        columns: columns.iter().map(column).collect(),
    }
}

fn failures(policies: &Policies) -> Failures {
    policies.failures().get("divergence").copied().unwrap_or_default()
}

#[test]
fn built_in_policy_compares_within_its_bounds() -> Result<()> {
    let settings = "columns = { json = 'value', numerics = 'value', timestamps = 'milliseconds', case = 'ignore' }\n";
    let policies = policies(&[("divergence.toml", settings.as_bytes())])??;
    let set = policies.in_force();
    assert_eq!(
        set.compare(&pair(&[
            ("numeric", "1.50", "1.5"),
            ("text", "Anna", "ANNA"),
            ("text", "Anna", "Ivan"),
            (
                "timestamp with time zone",
                "2026-01-02 03:04:05.0001+00",
                "2026-01-02 03:04:05+00"
            ),
        ])),
        [2]
    );
    let nested = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(31), close.repeat(31));
    let numbers = |last: &str| format!("[{}{last}]", "0,".repeat(30_000));
    let members = |last: &str| {
        let members: Vec<_> = (0..5_500).map(|number| format!("\"{number:x}\":0,")).collect();
        format!("{{{}\"last\":{last}}}", members.concat())
    };
    let arrays = |last: &str| nested("[", &numbers(last), "]");
    let objects = |last: &str| nested(r#"{"a":"#, &members(last), "}");
    let letters = |last: &str| format!("{}{last}", "a".repeat(500_000));
    for (kind, one, other) in [
        ("json", arrays("1"), arrays("1.0")),
        ("json", objects("1"), objects("1.0")),
        ("text", letters("A"), letters("a")),
    ] {
        assert!(
            set.compare(&pair(&[(kind, &one, &other)])).is_empty(),
            "{kind} of {} bytes",
            one.len()
        );
    }
    assert_eq!(failures(&policies), Failures::default());
    Ok(())
}

#[test]
fn every_column_that_differs_counts_where_the_policy_fails() -> Result<()> {
    let module = core_module(TRAPS, "divergence")?;
    let policies = policies(&[("divergence.wasm", &module), ("divergence.toml", b"")])??;
    let set = policies.in_force();
    let (differs, equal) = (("text", "a", "b"), ("text", "a", "a"));
    assert_eq!(
        set.compare(&pair(&[equal, differs, differs])),
        [1],
        "as the policy says"
    );
    assert_eq!(failures(&policies), Failures::default());
    assert_eq!(set.compare(&pair(&[differs, differs])), [0, 1]);
    // The call was tried again.
    assert_eq!(failures(&policies).trap, 2);
    Ok(())
}

#[test]
fn row_of_more_than_a_mebibyte_is_not_shown() -> Result<()> {
    let policies = policies(&[("divergence.toml", b"columns.ignore = ['column']\n")])??;
    let set = policies.in_force();
    let half = "a".repeat(1 << 19);
    let other = "b".repeat(1 << 19);
    assert!(set.compare(&pair(&[("text", &half, &other)])).is_empty());
    assert_eq!(set.compare(&pair(&[("text", &half, &format!("{other}b"))])), [0]);
    Ok(())
}

#[test]
fn mistake_in_the_settings_is_refused_with_its_line() -> Result<()> {
    let settings = b"[columns]\ncase = 'ignore'\n\n[repositories.client]\nignore = ['name']\n";
    let refused = policies(&[("divergence.toml", settings)])?.err().context("accepted")?;
    assert_eq!(refused.line, Some(4));
    assert!(refused.reason.contains("no repository is called `client`"), "{refused}");
    Ok(())
}
