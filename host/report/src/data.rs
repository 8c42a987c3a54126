use turnout_backends::{Alerts, KeptEvidence, Minutes, OperationMinutes, PastHandoff};
use turnout_vocabulary::PerBackend;

/// What was kept of a parallel run. Times are in seconds of Unix time.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// When the report begins.
    pub since: i64,
    /// When it ends.
    pub until: i64,
    /// How many seconds each point sums up.
    pub step: i32,
    /// What the databases are called.
    pub labels: PerBackend<String>,
    /// What the hosts did, in the order of time.
    pub minutes: Vec<Minutes>,
    /// The same over the whole time, by repository and action.
    pub operations: Vec<OperationMinutes>,
    /// The alerts that they raised.
    pub alerts: Vec<Alerts>,
    /// The changes of epochs.
    pub handoffs: Vec<PastHandoff>,
    /// What was proved.
    pub evidence: Vec<KeptEvidence>,
}
