//! A divergence policy that behaves, called through the vocabulary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{CLIENTS, logged, module, repositories, runtime};
use turnout_runtime::DivergencePolicy;
use turnout_vocabulary::{
    Backend, ComparedColumn, ComparisonCount, ComparisonSource, ComparisonWindow, DivergedRow, DivergenceAlert,
    DivergenceAlertKind, DivergenceForm, Pair, RepairAction, Severity,
};

fn policy() -> DivergencePolicy {
    let module = runtime().load(&module("divergence", "divergence")).unwrap();
    DivergencePolicy::configure(&module, "{}", &repositories()).unwrap()
}

/// A row of as many columns, of which only the first has the same text on both sides.
fn pair(columns: usize) -> Pair {
    let column = |place: usize| ComparedColumn {
        name: format!("column {place}"),
        kind: "text".into(),
        old: Some("Anna".into()),
        new: (place == 0).then(|| "Anna".into()),
    };
    Pair {
        repository: CLIENTS,
        subject: None,
        columns: (0..columns).map(column).collect(),
    }
}

fn window() -> ComparisonWindow {
    let count = ComparisonCount {
        repository: CLIENTS,
        source: ComparisonSource::Baseline,
        compared: u64::MAX,
        equal: 0,
        unsettled: 0,
        diverged: u64::MAX,
        dropped: 0,
        failed: 0,
    };
    ComparisonWindow {
        length: Duration::MAX,
        counts: vec![count],
        open: u64::MAX,
        since_report: Some(Duration::MAX),
    }
}

#[test]
fn only_columns_whose_texts_differ_count() {
    let policy = policy();
    assert_eq!(policy.compare(&pair(3)), Ok(vec![1]));
    assert_eq!(policy.compare(&pair(1)), Ok(vec![]));
    assert!(policy.compare(&pair(2)).is_err(), "it traps");
    assert_eq!(pair(3).differing().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn nothing_is_logged_while_a_policy_is_shown_a_row() {
    let policy = policy();
    let log = logged(|| drop(policy.compare(&pair(3)).unwrap()));
    assert_eq!(log, "");
    let log = logged(|| drop(policy.assess(&window()).unwrap()));
    assert!(
        log.contains(r#"INFO turnout::policy: asked world="divergence""#),
        "{log}"
    );
}

#[test]
fn window_makes_eight_alerts_at_most_and_none_holds_a_phone() {
    let alert = |kind, severity| DivergenceAlert { kind, severity };
    let none = || alert(DivergenceAlertKind::Rate { hundredths: 0 }, Severity::Warning);
    let alerts = policy().assess(&window()).unwrap();
    assert_eq!(
        alerts,
        [
            alert(DivergenceAlertKind::Rate { hundredths: 10_000 }, Severity::Critical),
            alert(DivergenceAlertKind::Many { rows: 999_999 }, Severity::Warning),
            alert(DivergenceAlertKind::Report { open: 3 }, Severity::Warning),
            alert(DivergenceAlertKind::FailedMirror { rows: 12 }, Severity::Critical),
            alert(DivergenceAlertKind::Other("unusual".into()), Severity::Warning),
            alert(DivergenceAlertKind::Other("other".into()), Severity::Warning),
            none(),
            none(),
        ]
    );
    assert_eq!(
        alerts[0].to_string(),
        "100.00 % of the compared rows differ between the two sides"
    );
}

#[test]
fn divergence_is_repaired_as_the_policy_says() {
    let policy = policy();
    for (form, action) in [
        (DivergenceForm::Differs, RepairAction::Leave),
        (DivergenceForm::Missing, RepairAction::Mirror),
        (DivergenceForm::Surplus, RepairAction::Call),
    ] {
        let row = DivergedRow {
            repository: CLIENTS,
            subject: None,
            authority: Backend::New,
            source: ComparisonSource::Walk,
            form,
            columns: vec!["name".into()],
            age: Duration::MAX,
            attempts: u32::MAX,
        };
        assert_eq!(policy.repair(&row), Ok(action));
    }
}
