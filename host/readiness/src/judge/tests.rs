use serde_json::{Value, json};

use super::*;
use crate::{BrokenChain, ParallelRun};

const HOUR: Duration = Duration::from_hours(1);

fn proof(number: u64, kind: &str, age: Duration, result: Value) -> Proof {
    Proof {
        number,
        kind: kind.into(),
        age,
        repositories: vec!["bookings".into(), "clients".into()],
        result,
    }
}

fn compared(verdict: &str) -> Value {
    json!([{ "repository": "bookings", "verdict": "equal" }, { "repository": "clients", "verdict": verdict }])
}

/// Facts under which authority may move.
fn good() -> Facts {
    let repositories = vec!["bookings".to_owned(), "clients".to_owned()];
    Facts {
        mirrored: repositories.clone(),
        converged: repositories.clone(),
        repositories,
        evidence: vec![
            proof(
                1,
                "preflight",
                50 * HOUR,
                json!({ "findings": [{ "severity": "warns" }], "tables": [] }),
            ),
            proof(2, "drift", 49 * HOUR, json!({ "changes": [], "differences": [] })),
            proof(3, "baseline", 3 * HOUR, json!({ "slower": [] })),
            proof(4, "drill", 2 * HOUR, json!({ "passed": true })),
            proof(5, "verify", HOUR, compared("equal")),
        ],
        parallel_run: Some(ParallelRun {
            lasted: 48 * HOUR,
            operations: 1000,
            ..ParallelRun::default()
        }),
        ..Facts::default()
    }
}

fn judged(facts: &Facts, criterion: Criterion) -> Judged {
    let readiness = Readiness::judge(facts, &Rules::default());
    let mut criteria = readiness.criteria().iter();
    criteria.find(|judged| judged.criterion == criterion).unwrap().clone()
}

fn with(result: Value, kind: &str) -> Facts {
    let mut facts = good();
    facts.evidence.retain(|proof| proof.kind != kind);
    facts.evidence.push(proof(9, kind, HOUR, result));
    facts
}

#[test]
fn good_facts_are_a_go_although_backups_are_unknown() {
    let readiness = Readiness::judge(&good(), &Rules::default());
    assert!(readiness.is_go(), "{readiness:?}");
    assert_eq!(judged(&good(), Criterion::Backups).verdict, Verdict::Unknown);
    let verify = judged(&good(), Criterion::Verify);
    assert_eq!((verify.evidence, verify.age), (Some(5), Some(HOUR)));
}

/// Each of these facts is a no-go for this criterion and this reason, and for no other criterion.
fn assert_no_go(cases: impl IntoIterator<Item = (Criterion, &'static str, Facts)>) {
    for (criterion, reason, facts) in cases {
        let judged = judged(&facts, criterion);
        assert_eq!(judged.verdict, Verdict::NoGo, "{criterion} {reason}: {judged:?}");
        assert!(judged.reason.contains(reason), "{criterion} {reason}: {judged:?}");
        let rules = Rules {
            skip: [criterion].into(),
            ..Rules::default()
        };
        assert!(
            Readiness::judge(&facts, &rules).is_go(),
            "{criterion} {reason} alone is in the way"
        );
    }
}

fn change(change: fn(&mut Facts)) -> Facts {
    let mut facts = good();
    change(&mut facts);
    facts
}

fn without(kind: &str) -> Facts {
    let mut facts = good();
    facts.evidence.retain(|proof| proof.kind != kind);
    facts
}

#[test]
fn evidence_that_is_missing_old_or_bad_is_a_no_go() {
    let blocking = json!({ "findings": [{ "severity": "blocks" }], "tables": [] });
    let drifted = json!({ "changes": [{ "table": "public.clients", "object": "vip" }], "differences": [] });
    let sampled = json!([{ "repository": "bookings", "verdict": "equal", "sample_percent": 5.0 }]);
    let slower = json!({ "slower": ["lookup by phone"] });
    let failed = json!({ "passed": false });
    let gone = change(|facts| {
        let reason = "is missing".to_owned();
        facts.broken_chain = Some(BrokenChain { number: 3, reason });
    });
    let old_verify = change(|facts| facts.evidence[4].age = 25 * HOUR);
    let old_drill = change(|facts| facts.evidence[3].age = 8 * 24 * HOUR);
    assert_no_go([
        (Criterion::Evidence, "evidence 3 is missing", gone),
        (Criterion::Preflight, "no preflight of bookings", without("preflight")),
        (Criterion::Preflight, "1 findings block", with(blocking, "preflight")),
        (Criterion::Preflight, "can't be read", with(json!("?"), "preflight")),
        (Criterion::Drift, "no host has compared", without("drift")),
        (Criterion::Drift, "(table public.clients: vip)", with(drifted, "drift")),
        (Criterion::Verify, "no comparison of bookings", without("verify")),
        (
            Criterion::Verify,
            "of clients were found different",
            with(compared("different"), "verify"),
        ),
        (Criterion::Verify, "older than 1day", old_verify),
        (Criterion::Verify, "only 5 % of the rows", with(sampled, "verify")),
        (Criterion::Baseline, "run `turnout baseline`", without("baseline")),
        (
            Criterion::Baseline,
            "slower on new: lookup by phone",
            with(slower, "baseline"),
        ),
        (Criterion::Drill, "run `turnout drill`", without("drill")),
        (Criterion::Drill, "the last drill failed", with(failed, "drill")),
        (Criterion::Drill, "older than 7days", old_drill),
    ]);
}

#[test]
fn how_the_sides_stand_now_can_be_a_no_go() {
    let diverged = change(|facts| (facts.sides.old.diverged, facts.sides.new.diverged) = (1, 2));
    let late = change(|facts| facts.sides.new.oldest = Some(Duration::from_millis(2100)));
    let no_run = change(|facts| facts.parallel_run = None);
    let short_run = change(|facts| {
        let lasted = 47 * HOUR;
        facts.parallel_run = Some(ParallelRun {
            lasted,
            ..ParallelRun::default()
        });
    });
    let fails = change(|facts| facts.sides.old.backup = Backup::Failing);
    let old_backup = change(|facts| facts.sides.new.backup = Backup::Archived(25 * HOUR));
    let gap = change(|facts| facts.sides.old.gaps.push("clients".into()));
    assert_no_go([
        (
            Criterion::Backfill,
            "no repository is mirrored",
            change(|facts| facts.mirrored.clear()),
        ),
        (
            Criterion::Backfill,
            "bookings was neither",
            change(|facts| facts.converged.clear()),
        ),
        (Criterion::Backfill, "changes of clients may not all", gap),
        (Criterion::Divergences, "3 rows are known to differ", diverged),
        (Criterion::Mirror, "has waited for 2s", late),
        (
            Criterion::Parked,
            "1 keys are parked",
            change(|facts| facts.sides.new.parked = 1),
        ),
        (Criterion::ParallelRun, "no parallel run", no_run),
        (Criterion::ParallelRun, "it must be 2days", short_run),
        (Criterion::Backups, "backend old fails to archive", fails),
        (Criterion::Backups, "for the last time", old_backup),
    ]);
}

#[test]
fn a_drift_before_the_last_preflight_is_in_nobodys_way() {
    let mut facts = good();
    facts.evidence[1].result = json!({ "changes": [{ "object": "vip" }] });
    assert_eq!(judged(&facts, Criterion::Drift).verdict, Verdict::NoGo);
    let clean = json!({ "findings": [], "tables": [] });
    facts.evidence.push(proof(6, "preflight", HOUR, clean));
    assert_eq!(judged(&facts, Criterion::Drift).verdict, Verdict::Go);
}

#[test]
fn a_complete_backfill_stands_for_a_comparison() {
    let mut facts = with(
        json!({ "complete": true, "repositories": { "bookings": {} } }),
        "backfill",
    );
    facts.converged = vec!["clients".into()];
    let done = judged(&facts, Criterion::Backfill);
    assert_eq!((done.verdict, done.evidence), (Verdict::Go, Some(9)), "{done:?}");
    facts.converged.clear();
    let reason = judged(&facts, Criterion::Backfill).reason;
    assert!(reason.starts_with("clients was neither"), "{reason}");
}

#[test]
fn only_what_is_needed_is_in_the_way_of_a_promotion() {
    let mut facts = good();
    facts.sides.new.parked = 1;
    let readiness = Readiness::judge(&facts, &Rules::default());
    assert_eq!(readiness.unmet(&[Criterion::Verify, Criterion::Drill]).count(), 0);
    assert_eq!(readiness.unmet(&[Criterion::Verify, Criterion::Parked]).count(), 1);
}

#[test]
fn every_criterion_is_found_by_its_word() {
    for criterion in Criterion::ALL {
        assert_eq!(criterion.as_str().parse(), Ok(criterion));
        assert_eq!(serde_json::to_value(criterion).unwrap(), criterion.as_str());
    }
    let unknown = "verified".parse::<Criterion>().unwrap_err().to_string();
    assert!(unknown.contains("\"verified\" is no criterion") && unknown.contains("parallel_run"));
}
