#[cfg(test)]
mod tests;

use std::time::Duration;

use humantime::format_duration;
use serde::Serialize;
use turnout_vocabulary::Backend;

use crate::evidence::{Backfill, Baseline, Compared, Drift, Drill, Preflight, read};
use crate::facts::{Backup, Facts, Proof};
use crate::{Criterion, Rules};

/// Whether a criterion is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Go,
    /// It is not.
    NoGo,
    /// It can't be known. That is in nobody's way.
    Unknown,
    /// It is not asked.
    Off,
}

/// A criterion, judged.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The criterion.
    pub criterion: Criterion,
    /// Whether it is met.
    pub verdict: Verdict,
    /// The evidence that it was judged by, if it is one.
    pub evidence: Option<u64>,
    /// How long ago that was kept.
    #[serde(rename = "age_seconds", serialize_with = "seconds")]
    pub age: Option<Duration>,
    /// Why, in words.
    pub reason: String,
}

/// All criteria, judged.
#[derive(Clone, Debug)]
pub struct Readiness(Vec<Judged>);

impl Readiness {
    /// Judges these facts.
    #[must_use]
    pub fn judge(facts: &Facts, rules: &Rules) -> Self {
        let judged = Criterion::ALL.map(|criterion| {
            let found = if rules.skip.contains(&criterion) {
                Found::new(Verdict::Off, "switched off by ready.skip")
            } else {
                find(criterion, facts, rules)
            };
            Judged {
                criterion,
                verdict: found.verdict,
                evidence: found.by.map(|(number, _)| number),
                age: found.by.map(|(_, age)| age),
                reason: found.reason,
            }
        });
        Self(judged.into())
    }

    /// The criteria in the order in which they are shown.
    #[must_use]
    pub fn criteria(&self) -> &[Judged] {
        &self.0
    }

    /// Whether no criterion is in the way.
    #[must_use]
    pub fn is_go(&self) -> bool {
        self.unmet(&Criterion::ALL).next().is_none()
    }

    /// Those of these criteria that are not met.
    pub fn unmet<'a>(&'a self, needs: &'a [Criterion]) -> impl Iterator<Item = &'a Judged> {
        let is_unmet = |judged: &&Judged| judged.verdict == Verdict::NoGo && needs.contains(&judged.criterion);
        self.0.iter().filter(is_unmet)
    }
}

/// What is found of one criterion.
struct Found {
    verdict: Verdict,
    by: Option<(u64, Duration)>,
    reason: String,
}

impl Found {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            by: None,
            reason: reason.into(),
        }
    }

    fn go(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Go, reason)
    }

    fn no_go(reason: impl Into<String>) -> Self {
        Self::new(Verdict::NoGo, reason)
    }

    fn by(self, proof: &Proof) -> Self {
        let by = Some((proof.number, proof.age));
        Self { by, ..self }
    }
}

fn find(criterion: Criterion, facts: &Facts, rules: &Rules) -> Found {
    match criterion {
        Criterion::Evidence => match &facts.broken_chain {
            None => Found::go("the chain of evidence is whole"),
            Some(broken) => Found::no_go(format!("evidence {} {}", broken.number, broken.reason)),
        },
        Criterion::Preflight => preflight(facts),
        Criterion::Drift => drift(facts),
        Criterion::Backfill => backfill(facts),
        Criterion::Verify => verify(facts, rules.verify),
        Criterion::Divergences => divergences(facts),
        Criterion::Mirror => mirror(facts, rules.mirror),
        Criterion::Parked => parked(facts),
        Criterion::Baseline => baseline(facts),
        Criterion::Drill => drill(facts, rules.drill),
        Criterion::ParallelRun => parallel_run(facts, rules.parallel_run),
        Criterion::Backups => backups(facts, rules.backups),
    }
}

fn preflight(facts: &Facts) -> Found {
    let mut oldest: Option<&Proof> = None;
    for repository in &facts.repositories {
        let Some(proof) = facts.newest_of("preflight", repository) else {
            return Found::no_go(format!(
                "no preflight of {repository} is on record: run `turnout preflight`"
            ));
        };
        match read::<Preflight>(&proof.result).map(|preflight| preflight.blocking()) {
            Some(0) => {}
            Some(blocking) => {
                return Found::no_go(format!(
                    "{blocking} findings block the migration: mend them, and run `turnout preflight` again"
                ))
                .by(proof);
            }
            None => return unreadable(proof),
        }
        oldest = Some(older(oldest, proof));
    }
    judged_by(oldest, "nothing blocks the migration")
}

fn drift(facts: &Facts) -> Found {
    let Some(looked) = facts.newest("drift") else {
        return Found::no_go("no host has compared the schemas yet: start one");
    };
    let changed = facts.evidence.iter().rfind(|proof| {
        let changes = read::<Drift>(&proof.result).map(|drift| drift.changes.len());
        proof.kind == "drift" && changes != Some(0)
    });
    let preflight = facts.newest("preflight").map_or(0, |proof| proof.number);
    match changed {
        Some(proof) if proof.number > preflight => {
            let drift: Option<Drift> = read(&proof.result);
            let first = drift.and_then(|drift| drift.changes.into_iter().next());
            let what = first.map_or_else(String::new, |change| {
                let table = change.table.map(|table| format!("table {table}: ")).unwrap_or_default();
                format!(" ({table}{})", change.object)
            });
            Found::no_go(format!(
                "a schema changed after the last preflight{what}: run `turnout preflight` again"
            ))
            .by(proof)
        }
        _ => Found::go("neither schema changed since the last preflight").by(looked),
    }
}

fn backfill(facts: &Facts) -> Found {
    if facts.mirrored.is_empty() {
        return Found::no_go("no repository is mirrored: give them the stage `dualwrite`");
    }
    let mut newest: Option<&Proof> = None;
    for repository in &facts.mirrored {
        if Backend::ALL
            .into_iter()
            .any(|side| facts.sides[side].gaps.contains(repository))
        {
            return Found::no_go(format!(
                "changes of {repository} may not all have been captured: a host compares it now"
            ));
        }
        let proof = facts.newest_of("backfill", repository);
        let copied = proof.is_some_and(|proof| {
            let backfill: Option<Backfill> = read(&proof.result);
            backfill.is_some_and(|backfill| backfill.complete && backfill.repositories.contains_key(repository))
        });
        if !copied && !facts.converged.contains(repository) {
            return Found::no_go(format!(
                "{repository} was neither copied nor compared since it is mirrored: run `turnout backfill`"
            ));
        }
        newest = proof.filter(|_| copied).or(newest);
    }
    let left: Vec<&str> = facts
        .repositories
        .iter()
        .filter(|repository| !facts.mirrored.contains(repository))
        .map(String::as_str)
        .collect();
    let copied = "all rows that are mirrored were copied or compared";
    if left.is_empty() {
        judged_by(newest, copied)
    } else {
        judged_by(newest, &format!("{copied}; not mirrored: {}", left.join(", ")))
    }
}

fn verify(facts: &Facts, limit: Duration) -> Found {
    let repositories = if facts.mirrored.is_empty() {
        &facts.repositories
    } else {
        &facts.mirrored
    };
    let mut oldest: Option<&Proof> = None;
    for repository in repositories {
        let Some(proof) = facts.newest_of("verify", repository) else {
            return Found::no_go(format!(
                "no comparison of {repository} is on record: run `turnout verify`"
            ));
        };
        let Some(compared) = Compared::of(proof, repository) else {
            return unreadable(proof);
        };
        if compared.verdict != "equal" {
            return Found::no_go(format!("the sides of {repository} were found {}", compared.verdict)).by(proof);
        }
        if let Some(percent) = compared.sample_percent {
            return Found::no_go(format!(
                "only {percent} % of the rows of {repository} were compared: run `turnout verify` without --sample"
            ))
            .by(proof);
        }
        oldest = Some(older(oldest, proof));
    }
    match oldest {
        Some(proof) if proof.age > limit => too_old(proof, limit, "turnout verify"),
        oldest => judged_by(oldest, "both sides are equal"),
    }
}

fn divergences(facts: &Facts) -> Found {
    match in_all(|side| facts.sides[side].diverged) {
        0 => Found::go("no row is known to differ"),
        rows => Found::no_go(format!(
            "{rows} rows are known to differ: see `turnout divergence list`"
        )),
    }
}

fn parked(facts: &Facts) -> Found {
    match in_all(|side| facts.sides[side].parked) {
        0 => Found::go("no key is parked"),
        keys => Found::no_go(format!("{keys} keys are parked: see `turnout mirror list`")),
    }
}

fn mirror(facts: &Facts, limit: Duration) -> Found {
    let oldest = Backend::ALL
        .into_iter()
        .filter_map(|side| facts.sides[side].oldest)
        .max();
    match oldest {
        Some(oldest) if oldest >= limit => Found::no_go(format!(
            "the oldest change has waited for {} to be mirrored, and {} are allowed",
            rounded(oldest),
            format_duration(limit)
        )),
        _ => Found::go(format!(
            "no change has waited for {} to be mirrored",
            format_duration(limit)
        )),
    }
}

fn baseline(facts: &Facts) -> Found {
    let Some(proof) = facts.newest("baseline") else {
        return Found::no_go("no baseline is on record: run `turnout baseline`");
    };
    match read(&proof.result) {
        Some(Baseline { slower }) if slower.is_empty() => Found::go("nothing is slower on new").by(proof),
        Some(Baseline { slower }) => Found::no_go(format!("slower on new: {}", slower.join(", "))).by(proof),
        None => unreadable(proof),
    }
}

fn drill(facts: &Facts, limit: Duration) -> Found {
    let Some(proof) = facts.newest("drill") else {
        return Found::no_go("no drill is on record: run `turnout drill`");
    };
    match read(&proof.result) {
        Some(Drill { passed: false }) => Found::no_go("the last drill failed").by(proof),
        Some(Drill { passed: true }) if proof.age > limit => too_old(proof, limit, "turnout drill"),
        Some(Drill { passed: true }) => Found::go("the rollback was rehearsed").by(proof),
        None => unreadable(proof),
    }
}

fn parallel_run(facts: &Facts, limit: Duration) -> Found {
    let Some(run) = facts.parallel_run else {
        return Found::no_go("no parallel run is on record");
    };
    let rates = format!(
        "both sides ran in parallel for {}: {} of {} operations failed, {} of {} compared rows differed",
        rounded(run.lasted),
        run.errors,
        run.operations,
        run.diverged,
        run.compared
    );
    if run.lasted < limit {
        return Found::no_go(format!("{rates}; it must be {}", format_duration(limit)));
    }
    Found::go(rates)
}

fn backups(facts: &Facts, limit: Duration) -> Found {
    let mut unknown = Vec::new();
    for side in Backend::ALL {
        match facts.sides[side].backup {
            Backup::Archived(age) if age <= limit => {}
            Backup::Archived(age) => {
                let age = rounded(age);
                return Found::no_go(format!(
                    "backend {side} archived its write-ahead log {age} ago for the last time"
                ));
            }
            Backup::Failing => {
                return Found::no_go(format!("backend {side} fails to archive its write-ahead log"));
            }
            Backup::Unknown => unknown.push(side.as_str()),
        }
    }
    if unknown.is_empty() {
        return Found::go("both sides archive their write-ahead logs");
    }
    Found::new(
        Verdict::Unknown,
        format!(
            "SQL tells of no backups of {}: look for yourself",
            unknown.join(" and ")
        ),
    )
}

fn in_all(count: impl Fn(Backend) -> u64) -> u64 {
    Backend::ALL.into_iter().map(count).sum()
}

fn older<'p>(oldest: Option<&'p Proof>, proof: &'p Proof) -> &'p Proof {
    oldest.filter(|oldest| oldest.age > proof.age).unwrap_or(proof)
}

fn judged_by(proof: Option<&Proof>, reason: &str) -> Found {
    Found {
        by: proof.map(|proof| (proof.number, proof.age)),
        ..Found::go(reason)
    }
}

fn too_old(proof: &Proof, limit: Duration, command: &str) -> Found {
    let limit = format_duration(limit);
    Found::no_go(format!("it is older than {limit}: run `{command}` again")).by(proof)
}

fn unreadable(proof: &Proof) -> Found {
    Found::no_go("its result can't be read: another version of Turnout wrote it").by(proof)
}

/// A time for people, in whole seconds if it has any.
fn rounded(time: Duration) -> impl std::fmt::Display {
    format_duration(if time < Duration::from_secs(1) {
        Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(time.as_secs())
    })
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn seconds<S: serde::Serializer>(age: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    age.map(|age| age.as_secs()).serialize(serializer)
}
