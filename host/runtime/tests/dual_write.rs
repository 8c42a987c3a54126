//! A dual-write policy that behaves, called through the vocabulary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{CLIENTS, module, repositories, runtime, subject};
use turnout_runtime::{DualWrite, DualWritePolicy, LoadError};
use turnout_vocabulary::{
    Action, Alert, AlertKind, ApplyFailure, Backend, MirrorPlan, MirrorState, Retry, Severity, Written,
};

fn policy() -> DualWritePolicy {
    let module = runtime().load(&module("dual_write", "dual-write")).unwrap();
    DualWritePolicy::configure(&module, "{}", &repositories()).unwrap()
}

#[test]
fn a_write_is_mirrored_as_the_policy_plans() {
    let policy = policy();
    let bound = Duration::from_millis(250);
    for (action, plan) in [
        (Action::Insert, MirrorPlan::Sync { bound }),
        (Action::Upsert, MirrorPlan::Async),
        (Action::Delete, MirrorPlan::Off),
    ] {
        assert_eq!(policy.mirror(action, CLIENTS, Some(&subject()), Backend::New), Ok(plan));
    }
}

#[test]
fn a_row_that_fails_rests_before_it_is_tried_again_or_is_parked() {
    let policy = policy();
    let failure = |attempt| ApplyFailure {
        repository: CLIENTS,
        source: Backend::Old,
        sqlstate: "23505".into(),
        attempt,
        age: Duration::MAX,
    };
    let shortest = Duration::from_millis(10);
    assert_eq!(policy.retry(&failure(2)), Ok(Retry::Again { after: shortest }));
    assert_eq!(policy.retry(&failure(3)), Ok(Retry::Park));
}

#[test]
fn a_write_makes_four_alerts_at_most_and_no_phone_is_in_one() {
    let alert = |kind, severity| Alert { kind, severity };
    let over = Duration::from_millis;
    let written = Written {
        action: Action::Update,
        repository: CLIENTS,
        authority: Backend::Old,
        took: Duration::MAX,
        mirror: MirrorState::Done,
        mirror_took: Some(Duration::MAX),
    };
    assert_eq!(
        policy().settle(&written).unwrap(),
        [
            alert(AlertKind::Slow { over: over(1_000) }, Severity::Critical),
            alert(AlertKind::LateMirror { over: over(500) }, Severity::Warning),
            alert(AlertKind::Other("unusual".into()), Severity::Warning),
            alert(AlertKind::Other("other".into()), Severity::Warning),
        ]
    );
}

#[test]
fn a_policy_of_another_world_is_refused_with_what_is_missing() {
    let error = runtime().load::<DualWrite>(&module("good", "routing")).err().unwrap();
    assert!(
        matches!(&error, LoadError::WrongWorld { world: "dual-write", reason } if reason.contains("`mirror`")),
        "{error}"
    );
}
