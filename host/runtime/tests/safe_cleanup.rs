//! Safe-cleanup policies, called through the vocabulary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{CLIENTS, logged, module, repositories, runtime, subject};
use turnout_runtime::{Failure, SafeCleanupPolicy};
use turnout_vocabulary::{
    Backend, CleanupColumn, CleanupCount, CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict,
};

fn policy(fixture: &str) -> SafeCleanupPolicy {
    let module = runtime().load(&module(fixture, "safe-cleanup")).unwrap();
    SafeCleanupPolicy::configure(&module, "{}", &repositories()).unwrap()
}

fn row(of_subject: bool) -> CleanupRow {
    let column = |name: &str, text: Option<&str>| CleanupColumn {
        name: name.into(),
        kind: "text".into(),
        text: text.map(Into::into),
    };
    CleanupRow {
        repository: CLIENTS,
        subject: of_subject.then(subject),
        columns: vec![column("name", Some("Anna")), column("town", None)],
    }
}

fn request(execute: bool, expected: u64) -> CleanupRequest {
    CleanupRequest {
        repository: CLIENTS,
        execute,
        expected: Some(expected),
    }
}

fn evidence() -> CleanupEvidence {
    let count = CleanupCount {
        repository: CLIENTS,
        backend: Backend::New,
        requested: u64::MAX,
        referring: u64::MAX,
        marked: u64::MAX,
        table_rows: u64::MAX,
        youngest: Some(Duration::ZERO),
        oldest: Some(Duration::MAX),
    };
    CleanupEvidence {
        counts: vec![count],
        samples: vec![row(true), row(false)],
    }
}

#[test]
fn row_is_marked_as_the_policy_says() {
    let policy = policy("safe_cleanup");
    assert_eq!(policy.marks(&row(true)), Ok(true));
    assert_eq!(policy.marks(&row(false)), Ok(false));
}

#[test]
fn verdict_is_the_policys_and_holds_no_name() {
    let policy = policy("safe_cleanup");
    for (expected, verdict) in [
        (0, CleanupVerdict::Agreed),
        (1, CleanupVerdict::TooManyRows { limit: 100 }),
        (
            2,
            CleanupVerdict::TooLargeShare {
                hundredths: 10_000,
                from: 50,
            },
        ),
        (3, CleanupVerdict::Refused("unusual".into())),
        (4, CleanupVerdict::Refused("other".into())),
    ] {
        assert_eq!(policy.review(&request(false, expected), &evidence()), Ok(verdict));
    }
}

#[test]
fn nothing_is_logged_while_a_policy_is_shown_rows() {
    let policy = policy("safe_cleanup");
    let log = logged(|| {
        policy.marks(&row(true)).unwrap();
        policy.review(&request(true, 0), &evidence()).unwrap();
    });
    assert_eq!(log, "");
}

#[test]
fn policy_that_agrees_to_everything_is_heard() {
    let policy = policy("agrees_to_everything");
    assert_eq!(policy.marks(&row(false)), Ok(true));
    assert_eq!(
        policy.review(&request(true, 0), &evidence()),
        Ok(CleanupVerdict::Agreed)
    );
}

#[test]
fn trap_is_no_answer() {
    let policy = policy("traps_at_cleanup");
    assert_eq!(policy.marks(&row(false)), Ok(true));
    assert_eq!(
        policy.review(&request(false, 0), &evidence()),
        Ok(CleanupVerdict::Agreed)
    );
    let errors = [
        policy.marks(&row(true)).unwrap_err(),
        policy.review(&request(true, 0), &evidence()).unwrap_err(),
    ];
    for (error, function) in errors.iter().zip(["marks", "review"]) {
        assert_eq!((error.world, error.function), ("safe-cleanup", function));
        assert!(matches!(error.failure, Failure::Trapped { .. }), "{error}");
    }
}
