use serde::{Deserialize, Serialize};
use turnout_pipeline::Pipeline;
use turnout_policies::{Difference, Differences, OnTrial};

/// A version on trial.
#[derive(Debug, Serialize, Deserialize)]
pub struct TrialStatus {
    /// Its world.
    pub world: String,
    /// The SHA-256 of its module, in hexadecimal.
    pub module: String,
    /// For whom it decides, in words that name nobody.
    pub scope: String,
    /// How often it answered otherwise than the stable one, in the shadow of which it is.
    pub differences: u64,
    /// Some of these.
    pub examples: Vec<DifferenceStatus>,
}

/// A question that both versions answered differently.
#[derive(Debug, Serialize, Deserialize)]
pub struct DifferenceStatus {
    /// The function of the world.
    pub function: String,
    /// The repository.
    pub repository: String,
    /// What the stable version says.
    pub stable: String,
    /// What the version on trial says.
    pub trial: String,
}

impl TrialStatus {
    /// What is on trial now.
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
