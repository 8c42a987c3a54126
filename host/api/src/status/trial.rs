use serde::{Deserialize, Serialize};
use turnout_pipeline::Pipeline;
use turnout_policies::{Difference, Differences, OnTrial};

/// A version on trial.
#[derive(Debug, Serialize, Deserialize)]
pub struct TrialStatus {
    /// The world of the version.
    pub world: String,
    /// The SHA-256 of the version's module, in hexadecimal.
    pub module: String,
    /// For whom the version decides, in words that name no subject.
    pub scope: String,
    /// How often the version's answer differed from the stable version's, if the trial is a shadow.
    pub differences: u64,
    /// Some of the questions that they answered differently.
    pub examples: Vec<DifferenceStatus>,
}

/// A question that the stable version and the version on trial answered differently.
#[derive(Debug, Serialize, Deserialize)]
pub struct DifferenceStatus {
    /// The function of the world.
    pub function: String,
    /// The repository that was asked about.
    pub repository: String,
    /// The answer of the stable version.
    pub stable: String,
    /// The answer of the version on trial.
    pub trial: String,
}

impl TrialStatus {
    /// All versions on trial now.
    pub(super) fn all(pipeline: &Pipeline) -> Vec<Self> {
        let difference = |difference: Difference| DifferenceStatus {
            function: difference.function.to_owned(),
            repository: pipeline.repositories[usize::from(difference.repository.0)].name.clone(),
            stable: difference.stable,
            trial: difference.trial,
        };
        let in_force = pipeline.policies.in_force();
        let trials = in_force.trials();
        let trials = trials.iter().filter_map(|(world, trial)| {
            let (OnTrial { module, scope, .. }, Differences { answers, examples }) = trial.as_ref()?;
            Some(Self {
                world: world.to_owned(),
                module: module.digest.clone(),
                scope: scope.to_string(),
                differences: *answers,
                examples: examples.iter().cloned().map(difference).collect(),
            })
        });
        trials.collect()
    }
}
