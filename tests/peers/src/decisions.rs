use anyhow::{Result, bail};
use turnout_vocabulary::{
    Action, Backend, Conditions, Health, MirrorPlan, PerBackend, ReadPlan, Repository, RepositoryId, Subject,
};

/// The settings of the routing policy, as the demo has them: the test phone is on `new`, everybody else on `old`.
pub(crate) const ROUTING: &str = r#"{
    "cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"}],
    "default": {"stage": "off"}
}"#;

/// The settings of the dual-write policy.
pub(crate) const DUAL_WRITE: &str = r#"{"mirror": "sync", "sync_bound_ms": 500}"#;

/// The repository that everything is asked for.
pub(crate) const CLIENTS: RepositoryId = RepositoryId(0);

/// Who decides: everybody is asked the same and answers in the same words.
pub(crate) trait Decisions {
    /// Whether an operation goes ahead.
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool>;

    /// The backend that the subject's rows are written to.
    fn authority(&mut self, subject: &Subject) -> Result<Backend>;

    /// Where a read goes.
    fn read(&mut self, subject: &Subject) -> Result<ReadPlan>;

    /// How a write reaches the other side.
    fn mirror(&mut self, subject: &Subject, authority: Backend) -> Result<MirrorPlan>;
}

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    /// The authority alone.
    Authority,
    /// All that a read needs: admit, authority, read.
    Read,
    /// All that a write needs: admit, authority, mirror.
    Write,
}

/// What was decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Authority(Backend),
    Read(Backend, ReadPlan),
    Write(Backend, MirrorPlan),
}

impl Question {
    pub(crate) const ALL: [Self; 3] = [Self::Authority, Self::Read, Self::Write];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Read => "read: admit, authority, read",
            Self::Write => "write: admit, authority, mirror",
        }
    }

    pub(crate) fn ask(self, decisions: &mut dyn Decisions, subject: &Subject) -> Result<Answer> {
        let action = match self {
            Self::Authority => return decisions.authority(subject).map(Answer::Authority),
            Self::Read => Action::Find,
            Self::Write => Action::Update,
        };
        if !decisions.admit(action, subject)? {
            bail!("refused, and the settings refuse nothing");
        }
        let authority = decisions.authority(subject)?;
        Ok(if action == Action::Find {
            Answer::Read(authority, decisions.read(subject)?)
        } else {
            Answer::Write(authority, decisions.mirror(subject, authority)?)
        })
    }
}

pub(crate) fn repositories() -> [Repository; 1] {
    [Repository {
        id: CLIENTS,
        name: "clients".into(),
        table: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: vec![],
    }]
}

/// What a policy is told of the backends when a read is planned.
pub(crate) fn conditions() -> Conditions {
    let health = Health {
        up: true,
        p95: std::time::Duration::from_millis(1),
    };
    Conditions {
        backends: PerBackend {
            old: health,
            new: health,
        },
        mirror_lag: None,
    }
}
