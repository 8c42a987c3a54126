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
    /// Whether and how it is answered with PostgreSQL's plan instead of its result.
    pub explain: Option<Explain>,
}

/// How a plan is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explain {
    /// Whether it is JSON, and not text.
    pub json: bool,
    /// What is told beside the steps.
    pub options: Vec<ExplainOption>,
}

/// What is told of a plan beside its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainOption {
    /// What carrying it out took. The plan is carried out for that.
    Analyze,
    /// The columns of each step.
    Verbose,
    /// The settings that the planner was given.
    Settings,
    /// The pages that were used.
    Buffers,
    /// What was written to the log.
    Wal,
}

impl ExplainOption {
    /// All options, in PostgREST's order.
    pub const ALL: [Self; 5] = [Self::Analyze, Self::Verbose, Self::Settings, Self::Buffers, Self::Wal];

    /// Its name in requests and in PostgreSQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Verbose => "verbose",
            Self::Settings => "settings",
            Self::Buffers => "buffers",
            Self::Wal => "wal",
        }
    }
}
