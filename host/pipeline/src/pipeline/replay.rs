use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use turnout_runtime::{DualWrite, Policy, Routing};
use turnout_vocabulary::{Backend, Conditions, Health, PerBackend};

use super::Pipeline;
use crate::policies::said;
use crate::recording::{Recorded, RecordedOperation};
use crate::{File, NotShipped, PolicySet};

/// What recorded operations show of a set that is not in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replay {
    /// How many recorded questions were asked again.
    pub operations: usize,
    /// The decisions that would change, most often changed first.
    pub changes: Vec<Change>,
}

/// One way in which decisions would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The repository.
    pub repository: String,
    /// What is done.
    pub action: String,
    /// The function that decides.
    pub function: String,
    /// What it says now.
    pub now: String,
    /// What it would say.
    pub then: String,
    /// How many recorded questions it concerns.
    pub operations: usize,
    /// How many subjects: the cohort that would notice.
    pub subjects: usize,
    /// Some of them, by the names that a recording gives them.
    pub examples: Vec<String>,
}

/// How many subjects are named of a change.
const EXAMPLES: usize = 3;

impl Pipeline {
    /// What was recorded, oldest first.
    #[must_use]
    pub fn recorded(&self) -> Vec<RecordedOperation> {
        let recorded = self.recording.last().into_iter().map(|recorded| RecordedOperation {
            repository: self.repositories[usize::from(recorded.repository.0)].name.clone(),
            action: recorded.action.as_str().to_owned(),
            subject: recorded.subject.map(|subject| self.recording.name(&subject)),
        });
        recorded.collect()
    }

    /// Asks recorded operations of the set in force and of one with another module or other settings in a world. Blocks while
    /// it compiles.
    ///
    /// # Errors
    /// [`NotShipped`] if these make no usable set.
    pub fn replay(&self, world: &str, module: Option<File>, settings: Option<File>) -> Result<Replay, NotShipped> {
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
        let recorded = self.recording.last();
        let Some(then) = self.policies.make(&files)? else {
            return Ok(Replay {
                operations: recorded.len(),
                changes: Vec::new(),
            });
        };
        let mut found: BTreeMap<_, (usize, HashSet<_>)> = BTreeMap::new();
        for one in &recorded {
            for (function, now, then) in answers(one, &in_force.set, &then) {
                if now != then {
                    let (operations, subjects) = found
                        .entry((one.repository.0, one.action.as_str(), function, now, then))
                        .or_default();
                    *operations += 1;
                    subjects.extend(one.subject.as_ref());
                }
            }
        }
        let changes =
            found.into_iter().map(
                |((repository, action, function, now, then), (operations, subjects))| Change {
                    repository: self.repositories[usize::from(repository)].name.clone(),
                    action: action.to_owned(),
                    function: function.to_owned(),
                    now,
                    then,
                    operations,
                    subjects: subjects.len(),
                    examples: subjects
                        .into_iter()
                        .take(EXAMPLES)
                        .map(|subject| self.recording.name(subject))
                        .collect(),
                },
            );
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.operations));
        Ok(Replay {
            operations: recorded.len(),
            changes,
        })
    }
}

/// What two sets say to every question of a recorded operation.
fn answers(one: &Recorded, now: &PolicySet, then: &PolicySet) -> Vec<(&'static str, String, String)> {
    let Recorded {
        repository,
        action,
        subject,
    } = one;
    let subject = subject.as_ref();
    let healthy = Health {
        up: true,
        p95: Duration::ZERO,
    };
    let conditions = Conditions {
        backends: PerBackend::from_fn(|_| healthy),
        mirror_lag: Some(Duration::ZERO),
    };
    let routing = |set: &PolicySet, ask: &dyn Fn(&Policy<Routing>) -> String| ask(set.routing.of(subject));
    let authority = |set: &PolicySet| set.routing.of(subject).authority(*repository, subject);
    let mut answers = Vec::new();
    let mut ask = |function, question: &dyn Fn(&Policy<Routing>) -> String| {
        answers.push((function, routing(now, question), routing(then, question)));
    };
    ask("admit", &|policy| said(&policy.admit(*action, *repository, subject)));
    ask("authority", &|policy| said(&policy.authority(*repository, subject)));
    ask("mirrored", &|policy| said(&policy.mirrored(*repository, subject)));
    if action.is_write() {
        let mirror = |set: &PolicySet| {
            let policy: &Policy<DualWrite> = set.dual_write.of(subject);
            let backend = authority(set).unwrap_or(Backend::Old);
            said(&policy.mirror(*action, *repository, subject, backend))
        };
        answers.push(("mirror", mirror(now), mirror(then)));
    } else {
        ask("read", &|policy| {
            said(&policy.read(*action, *repository, subject, &conditions))
        });
    }
    answers
}
