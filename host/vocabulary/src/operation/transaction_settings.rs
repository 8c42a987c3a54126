use super::Caller;

/// What an operation asks of the transaction that it runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionSettings {
    /// On whose behalf it runs; `None` for the application itself, under Turnout's own role.
    pub caller: Option<Caller>,
    /// The time zone that times are read and shown in; `None` means the database's own.
    pub timezone: Option<String>,
    /// Whether a write is taken back once it has answered.
    pub rollback: bool,
}
