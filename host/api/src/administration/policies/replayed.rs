use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The answer of `POST /v1/policies/{world}/replay`: what recorded operations show of policies that are not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// How many recorded operations were decided again.
    pub operations: usize,
    /// How many of them would be decided otherwise.
    pub changed: usize,
    /// The same by cohort and repository, most changes first.
    pub cohorts: Vec<ReplayedCohort>,
    /// Why the policies could not come into force for everybody as things stand, if something holds them up and a host was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

/// The operations of one cohort in one repository: a cohort is whose decisions amount to the same stage now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl From<turnout_pipeline::Replay> for Replay {
    fn from(replay: turnout_pipeline::Replay) -> Self {
        let turnout_pipeline::Replay {
            operations,
            changed,
            cohorts,
        } = replay;
        Self {
            operations,
            changed,
            cohorts: cohorts.into_iter().map(ReplayedCohort::from).collect(),
            obstacle: None,
        }
    }
}

impl From<turnout_pipeline::ReplayedCohort> for ReplayedCohort {
    fn from(cohort: turnout_pipeline::ReplayedCohort) -> Self {
        let turnout_pipeline::ReplayedCohort {
            stage,
            repository,
            operations,
            subjects,
            changed,
            changes,
        } = cohort;
        Self {
            stage,
            repository,
            operations,
            subjects,
            changed,
            changes: changes.into_iter().map(ChangedDecision::from).collect(),
        }
    }
}

impl From<turnout_pipeline::ChangedDecision> for ChangedDecision {
    fn from(change: turnout_pipeline::ChangedDecision) -> Self {
        let turnout_pipeline::ChangedDecision {
            function,
            now,
            then,
            actions,
            operations,
            subjects,
            examples,
        } = change;
        Self {
            function,
            now,
            then,
            actions,
            operations,
            subjects,
            examples,
        }
    }
}
