use std::time::Duration;

use serde_json::Value;
use turnout_vocabulary::PerBackend;

/// What was proved and how both sides stand.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The repositories served.
    pub repositories: Vec<String>,
    /// Those of them whose rows are mirrored unless a cohort says otherwise.
    pub mirrored: Vec<String>,
    /// Those of them whose sides were compared since they are mirrored as they are.
    pub converged: Vec<String>,
    /// What was proved, as far as it can matter, in the order of the numbers.
    pub evidence: Vec<Proof>,
    /// Where the chain of the evidence is broken first.
    pub broken_chain: Option<BrokenChain>,
    /// How each side stands.
    pub sides: PerBackend<Standing>,
    /// How long both sides have run in parallel; `None` if nothing is on record of it.
    pub parallel_run: Option<ParallelRun>,
}

/// One piece of evidence.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its number.
    pub number: u64,
    /// What kind of proof it is.
    pub kind: String,
    /// How long ago it was kept.
    pub age: Duration,
    /// The repositories that it is about.
    pub repositories: Vec<String>,
    /// What came out.
    pub result: Value,
}

/// A place at which the chain of the evidence is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenChain {
    /// The number of the evidence.
    pub number: u64,
    /// What is wrong with it, in words that follow its number.
    pub reason: String,
}

/// How one side stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How many keys are known to differ and are not mirrored.
    pub diverged: u64,
    /// How many keys are parked.
    pub parked: u64,
    /// How long the oldest change has waited to be mirrored; `None` if none waits.
    pub oldest: Option<Duration>,
    /// The repositories of which changes may not all have been captured.
    pub gaps: Vec<String>,
    /// What is known of backups.
    pub backup: Backup,
}

/// What is known of a side's backups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backup {
    /// Nothing: SQL tells of no backup there.
    #[default]
    Unknown,
    /// The write-ahead log was last archived so long ago.
    Archived(Duration),
    /// The write-ahead log can't be archived.
    Failing,
}

/// What is on record of the time in which both sides answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ParallelRun {
    /// How long.
    pub lasted: Duration,
    /// How many operations were done.
    pub operations: u64,
    /// How many of them ended in an error.
    pub errors: u64,
    /// How many rows were compared.
    pub compared: u64,
    /// How many of them differed.
    pub diverged: u64,
}
