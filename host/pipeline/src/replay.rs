mod decided;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use decided::{Decided, in_words};

use crate::Pipeline;
use crate::recording::{Recorded, RecordedOperation, is_hash};
use turnout_handoff::NotShipped;
use turnout_policies::{File, PolicySet};

/// What recorded operations show of policies that are not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How many recorded operations were decided again.
    pub operations: usize,
    /// How many of them would be decided otherwise.
    pub changed: usize,
    /// The same by cohort and repository, most changes first.
    pub cohorts: Vec<ReplayedCohort>,
}

/// The operations of one cohort in one repository: a cohort is whose decisions amount to the same stage now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedCohort {
    /// The stage that it stands at now.
    pub stage: String,
    /// The repository.
    pub repository: String,
    /// How many recorded operations it has there.
    pub operations: usize,
    /// Of how many subjects they are.
    pub subjects: usize,
    /// How many operations would be decided otherwise.
    pub changed: usize,
    /// In which ways, most frequent first.
    pub changes: Vec<ChangedDecision>,
}

/// One way in which decisions would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedDecision {
    /// The function that decides, or `stage` for all that a routing policy decides of a subject.
    pub function: String,
    /// What it says now.
    pub now: String,
    /// What it would say.
    pub then: String,
    /// What was asked for.
    pub actions: BTreeSet<String>,
    /// How many recorded operations it concerns.
    pub operations: usize,
    /// Of how many subjects they are.
    pub subjects: usize,
    /// Some of these, by their hashes: a recording that names subjects in clear gives none.
    pub examples: Vec<String>,
}

/// How many subjects are named of a change.
const EXAMPLES: usize = 3;

impl Replay {
    /// Compares what was recorded with what other policies decide on the same operations.
    pub fn compare(decided: impl IntoIterator<Item = (RecordedOperation, Decided)>) -> Self {
        let mut found: BTreeMap<_, Found> = BTreeMap::new();
        for (recorded, then) in decided {
            let RecordedOperation {
                repository,
                action,
                subject,
                decided: now,
            } = recorded;
            let changes = now.changes(&then);
            let of_cohort = found.entry((now.stage.unwrap_or_default(), repository)).or_default();
            of_cohort.all.count(&action, subject.as_ref());
            of_cohort.changed += usize::from(!changes.is_empty());
            for change in changes {
                of_cohort
                    .changes
                    .entry(change)
                    .or_default()
                    .count(&action, subject.as_ref());
            }
        }
        let mut cohorts: Vec<_> = found.into_iter().map(Found::cohort).collect();
        cohorts.sort_by_key(|cohort| std::cmp::Reverse(cohort.changed));
        Self {
            operations: cohorts.iter().map(|cohort| cohort.operations).sum(),
            changed: cohorts.iter().map(|cohort| cohort.changed).sum(),
            cohorts,
        }
    }
}

/// What was found of one cohort in one repository.
#[derive(Default)]
struct Found {
    all: Tally,
    changed: usize,
    /// By function, what it says now and what it would say.
    changes: BTreeMap<(String, String, String), Tally>,
}

#[derive(Default)]
struct Tally {
    operations: usize,
    actions: BTreeSet<String>,
    subjects: BTreeSet<String>,
}

impl Tally {
    fn count(&mut self, action: &str, subject: Option<&String>) {
        self.operations += 1;
        self.actions.insert(action.to_owned());
        self.subjects.extend(subject.cloned());
    }
}

impl Found {
    fn cohort(((stage, repository), found): ((String, String), Self)) -> ReplayedCohort {
        let change = |((function, now, then), tally): ((String, String, String), Tally)| ChangedDecision {
            function,
            now,
            then,
            actions: tally.actions,
            operations: tally.operations,
            subjects: tally.subjects.len(),
            examples: tally
                .subjects
                .into_iter()
                .filter(|name| is_hash(name))
                .take(EXAMPLES)
                .collect(),
        };
        let mut changes: Vec<_> = found.changes.into_iter().map(change).collect();
        // The stage sums the others up.
        changes.sort_by_key(|change| (std::cmp::Reverse(change.operations), change.function != "stage"));
        ReplayedCohort {
            stage,
            repository,
            operations: found.all.operations,
            subjects: found.all.subjects.len(),
            changed: found.changed,
            changes,
        }
    }
}

impl Pipeline {
    /// What was recorded, oldest first, with what the policies in force decide on it.
    #[must_use]
    pub fn recorded(&self) -> Vec<RecordedOperation> {
        let in_force = self.policies.in_force();
        let recorded = self.recording.last().into_iter();
        recorded.map(|one| self.shown(&one, decide(&one, &in_force))).collect()
    }

    /// Compares the set in force with one that has another module or other settings in a world, on the recorded operations; gives that
    /// set, too. Blocks while it compiles.
    ///
    /// # Errors
    /// [`NotShipped`] if these make no usable set.
    pub fn replay(
        &self,
        world: &str,
        module: Option<File>,
        settings: Option<File>,
    ) -> Result<(Replay, Arc<PolicySet>), NotShipped> {
        let in_force = self.policies.in_force();
        let mut files = in_force.files.clone();
        let of_world = files
            .get_mut(world)
            .ok_or_else(|| NotShipped::NoWorld(world.to_owned()))?;
        if let Some(module) = module {
            of_world.module = module;
        }
        if let Some(settings) = settings {
            of_world.settings = settings;
        }
        of_world.trial = None;
        let then = self.policies.make(&files)?;
        let recorded = self.recording.last().into_iter();
        let replay = Replay::compare(recorded.map(|one| {
            let now = decide(&one, &in_force);
            (self.shown(&one, now), decide(&one, &then))
        }));
        Ok((replay, then))
    }

    fn shown(&self, recorded: &Recorded, decided: Decided) -> RecordedOperation {
        RecordedOperation {
            repository: self.repositories[usize::from(recorded.repository.0)].name.clone(),
            action: recorded.action.as_str().to_owned(),
            subject: recorded.subject.as_ref().map(|subject| self.recording.name(subject)),
            decided,
        }
    }
}

/// What a set decides on a recorded operation.
fn decide(recorded: &Recorded, set: &PolicySet) -> Decided {
    let Recorded {
        repository,
        action,
        subject,
    } = recorded;
    let subject = subject.as_ref();
    let mut decided = Decided::by_routing(set.routing.of(subject), *action, *repository, subject);
    if action.is_write() {
        let authority = decided.authority();
        decided.join(Decided::by_dual_write(
            set.dual_write.of(subject),
            *action,
            *repository,
            subject,
            authority,
        ));
    }
    decided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_by_cohort_and_repository() {
        let recorded = |subject: Option<&str>, stage: &str, authority: &str| {
            let line = serde_json::json!({
                "repository": "clients", "action": "find", "subject": subject,
                "stage": stage, "decision": {"authority": authority, "admit": "admit"},
            });
            serde_json::from_value::<RecordedOperation>(line).unwrap()
        };
        let then = recorded(None, "live", "new").decided;
        let operations = [
            recorded(Some("00000000000000aa"), "off", "old"),
            recorded(Some("00000000000000bb"), "live", "new"),
            recorded(Some("00000000000000aa"), "off", "old"),
            recorded(None, "off", "old"),
        ];
        let replay = Replay::compare(operations.map(|recorded| (recorded, then.clone())));
        assert_eq!((replay.operations, replay.changed), (4, 3));
        let [off, live] = &replay.cohorts[..] else {
            panic!("two cohorts: {replay:?}")
        };
        assert_eq!(
            (off.stage.as_str(), off.operations, off.subjects, off.changed),
            ("off", 3, 1, 3)
        );
        let changes: Vec<_> = off.changes.iter().map(|change| change.function.as_str()).collect();
        assert_eq!(changes, ["stage", "authority"]);
        assert_eq!(
            (off.changes[0].operations, &off.changes[0].examples[..]),
            (3, &["00000000000000aa".to_owned()][..])
        );
        assert_eq!(
            (live.stage.as_str(), live.changed, &live.changes[..]),
            ("live", 0, &[][..])
        );
    }
}
