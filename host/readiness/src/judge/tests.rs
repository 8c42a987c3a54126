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

#[test]
fn each_criterion_is_a_no_go_by_itself() {
    let change = |change: fn(&mut Facts)| {
        let mut facts = good();
        change(&mut facts);
        facts
    };
    let without = |kind: &str| {
        let mut facts = good();
        facts.evidence.retain(|proof| proof.kind != kind);
        facts
    };
    let drifted = json!({ "changes": [{ "table": "public.clients", "object": "vip" }], "differences": [] });
    let archived = |age| {
        let mut facts = good();
        facts.sides.old.backup = age;
        facts
    };
    for (criterion, reason, facts) in [
        (
            Criterion::Evidence,
            "evidence 3 is missing",
            change(|facts| {
                let reason = "is missing".to_owned();
                facts.broken_chain = Some(BrokenChain { number: 3, reason });
            }),
        ),
        (Criterion::Preflight, "no preflight of bookings", without("preflight")),
        (
            Criterion::Preflight,
            "1 findings block",
            with(
                json!({ "findings": [{ "severity": "blocks" }], "tables": [] }),
                "preflight",
            ),
        ),
        (Criterion::Preflight, "can't be read", with(json!("?"), "preflight")),
        (Criterion::Drift, "no host has compared", without("drift")),
        (Criterion::Drift, "(table public.clients: vip)", with(drifted, "drift")),
        (
            Criterion::Backfill,
            "no repository is mirrored",
            change(|facts| facts.mirrored.clear()),
        ),
        (
            Criterion::Backfill,
            "bookings was neither copied nor compared",
            change(|facts| facts.converged.clear()),
        ),
        (
            Criterion::Backfill,
            "changes of clients may not all",
            change(|facts| facts.sides.old.gaps.push("clients".into())),
        ),
        (Criterion::Verify, "no comparison of bookings", without("verify")),
        (
            Criterion::Verify,
            "the sides of clients were found different",
            with(compared("different"), "verify"),
        ),
        (
            Criterion::Verify,
            "older than 1day",
            change(|facts| facts.evidence[4].age = 25 * HOUR),
        ),
        (
            Criterion::Verify,
            "only 5 % of the rows",
            with(
                json!([{ "repository": "bookings", "verdict": "equal", "sample_percent": 5.0 }]),
                "verify",
            ),
        ),
        (
            Criterion::Divergences,
            "3 rows are known to differ",
            change(|facts| (facts.sides.old.diverged, facts.sides.new.diverged) = (1, 2)),
        ),
        (
            Criterion::Mirror,
            "has waited for 2s",
            change(|facts| facts.sides.new.oldest = Some(Duration::from_millis(2100))),
        ),
        (
            Criterion::Parked,
            "1 keys are parked",
            change(|facts| facts.sides.new.parked = 1),
        ),
        (Criterion::Baseline, "run `turnout baseline`", without("baseline")),
        (
            Criterion::Baseline,
            "slower on new: lookup by phone",
            with(json!({ "slower": ["lookup by phone"] }), "baseline"),
        ),
        (Criterion::Drill, "run `turnout drill`", without("drill")),
        (
            Criterion::Drill,
            "the last drill failed",
            with(json!({ "passed": false }), "drill"),
        ),
        (
            Criterion::Drill,
            "older than 7days",
            change(|facts| facts.evidence[3].age = 8 * 24 * HOUR),
        ),
        (
            Criterion::ParallelRun,
            "no parallel run",
            change(|facts| facts.parallel_run = None),
        ),
        (
            Criterion::ParallelRun,
            "it must be 2days",
            change(|facts| {
                let lasted = 47 * HOUR;
                facts.parallel_run = Some(ParallelRun {
                    lasted,
                    ..ParallelRun::default()
                });
            }),
        ),
        (Criterion::Backups, "fails to archive", archived(Backup::Failing)),
        (
            Criterion::Backups,
            "for the last time",
            archived(Backup::Archived(25 * HOUR)),
        ),
    ] {
        let judged = judged(&facts, criterion);
        assert_eq!(judged.verdict, Verdict::NoGo, "{criterion} {reason}: {judged:?}");
        assert!(judged.reason.contains(reason), "{criterion} {reason}: {judged:?}");
        let rules = Rules {
            skip: [criterion].into(),
            ..Rules::default()
        };
        let is_go = Readiness::judge(&facts, &rules).is_go();
        assert!(is_go, "{criterion} {reason} alone is in the way");
    }
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
