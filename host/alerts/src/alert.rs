use std::collections::BTreeMap;
use std::time::SystemTime;

use turnout_vocabulary::{Action, Backend, Epoch, Severity};

/// Something that people should hear of. It holds no personal data: no subject, name, key or row.
#[derive(Clone, Debug)]
pub struct Alert {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about. Alerts of one cause are one issue of Sentry.
    pub cause: Cause,
    /// The epoch in force, where that matters. It is no part of the cause: what goes on under another epoch is the same.
    pub epoch: Option<Epoch>,
    /// What happened, in words.
    pub message: String,
}

/// What an alert is about. Nothing in it counts or measures, so it stays the same while its numbers change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// What kind of alert it is.
    pub kind: Kind,
    /// The part of the host that raised it.
    pub component: Component,
    /// The operation.
    pub operation: Option<Action>,
    /// The backend.
    pub backend: Option<Backend>,
    /// The repository.
    pub repository: Option<String>,
    /// What went wrong with a write or its mirror.
    pub dual_write: Option<DualWrite>,
    /// What else tells causes of one kind apart: the place of a panic, the world of a policy, a policy's own word.
    pub detail: Option<String>,
}

impl Cause {
    /// A cause of which no more is known than its kind and where it was found.
    #[must_use]
    pub fn new(kind: Kind, component: Component) -> Self {
        Self {
            kind,
            component,
            operation: None,
            backend: None,
            repository: None,
            dual_write: None,
            detail: None,
        }
    }

    /// The same about a backend.
    #[must_use]
    pub fn backend(self, backend: Backend) -> Self {
        let backend = Some(backend);
        Self { backend, ..self }
    }

    /// The same about a repository.
    #[must_use]
    pub fn repository(self, repository: &str) -> Self {
        let repository = Some(repository.to_owned());
        Self { repository, ..self }
    }

    /// The same about what a word tells apart from others of its kind.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into());
        Self { detail, ..self }
    }

    /// The same about a write or its mirror.
    #[must_use]
    pub fn dual_write(self, dual_write: DualWrite) -> Self {
        let dual_write = Some(dual_write);
        Self { dual_write, ..self }
    }

    /// The parts of the fingerprint: equal for equal causes, different for different ones.
    pub(crate) fn fingerprint(&self) -> impl Iterator<Item = &str> {
        [
            self.kind.as_str(),
            self.component.as_str(),
            self.operation.map_or("-", Action::as_str),
            self.backend.map_or("-", Backend::as_str),
            self.repository.as_deref().unwrap_or("-"),
            self.dual_write.map_or("-", DualWrite::as_str),
            self.detail.as_deref().unwrap_or("-"),
        ]
        .into_iter()
    }

    /// An alert of this cause that a person should look at.
    #[must_use]
    pub fn warns(self, message: impl Into<String>) -> Alert {
        self.alert(Severity::Warning, message.into())
    }

    /// An alert of this cause that a person must look at.
    #[must_use]
    pub fn is_critical(self, message: impl Into<String>) -> Alert {
        self.alert(Severity::Critical, message.into())
    }

    pub(crate) fn alert(self, severity: Severity, message: String) -> Alert {
        Alert {
            severity,
            cause: self,
            epoch: None,
            message,
        }
    }
}

impl Alert {
    /// The same under an epoch.
    #[must_use]
    pub fn under(self, epoch: Epoch) -> Self {
        let epoch = Some(epoch);
        Self { epoch, ..self }
    }

    /// What it is about, by the names of the tags in Sentry and in a webhook.
    pub(crate) fn tags(&self) -> BTreeMap<&'static str, String> {
        let cause = &self.cause;
        let tags = [
            ("component", Some(cause.component.as_str().to_owned())),
            (
                "operation",
                cause.operation.map(|operation| operation.as_str().to_owned()),
            ),
            ("backend", cause.backend.map(|backend| backend.to_string())),
            ("repository", cause.repository.clone()),
            ("epoch", self.epoch.map(|epoch| epoch.to_string())),
            ("dual_write", cause.dual_write.map(|what| what.as_str().to_owned())),
        ];
        tags.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// Declares an enum whose variants have words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// The word for it in the status, logs, metrics and what is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// The kinds of alerts.
    Kind {
        /// A write took its authority too long.
        Slow = "slow",
        /// A write was mirrored too late, or is not mirrored yet.
        LateMirror = "late_mirror",
        /// A row of a write could not be mirrored.
        Parked = "parked",
        /// What the dual-write policy says of a write in a word of its own.
        Other = "other",
        /// The authority did not carry out a write.
        PrimaryFailed = "primary_failed",
        /// Keys are parked.
        ParkedKeys = "parked_keys",
        /// Changes have waited too long to be mirrored.
        MirrorAge = "mirror_age",
        /// Changes of a repository were not captured.
        Gap = "gap",
        /// The two sides differ.
        Divergence = "divergence",
        /// A side was restored from the past.
        Restored = "restored",
        /// A backend is down, or up again.
        Backend = "backend",
        /// Calls of a policy fail.
        PolicyFailure = "policy_failure",
        /// A policy was taken out of force.
        Policy = "policy",
        /// A handoff was abandoned.
        Handoff = "handoff",
        /// Rows were written directly while they changed hands.
        DirectWrite = "direct_write",
        /// A schema changed.
        Drift = "drift",
        /// The record describes another site.
        OtherSite = "other_site",
        /// The host panicked.
        Panic = "panic",
    }
}

impl Kind {
    /// Whether every write may raise it. Such alerts are logged and shown once a minute, too.
    pub(crate) const fn is_of_each_write(self) -> bool {
        matches!(
            self,
            Self::Slow | Self::LateMirror | Self::Parked | Self::Other | Self::PrimaryFailed
        )
    }
}

words! {
    /// The parts of the host that raise alerts.
    Component {
        /// What carries out operations.
        Pipeline = "pipeline",
        /// What keeps the two sides equal.
        Mirror = "mirror",
        /// What brings policies into force.
        Handoff = "handoff",
        /// What runs policies.
        Policies = "policies",
        /// The connections to the two databases.
        Backends = "backends",
        /// The process.
        Host = "host",
    }
}

words! {
    /// What went wrong with a write or its mirror.
    DualWrite {
        /// The other side is not equal, and does not become so by itself.
        Failed = "failed",
        /// The authority did not carry out the write.
        PrimaryFailed = "primary_failed",
        /// The authority or the mirror took too long.
        Slow = "slow",
    }
}

/// An alert that was raised, with those of its cause that it stands for.
#[derive(Clone, Debug)]
pub struct Raised {
    /// When the last of them was raised.
    pub at: SystemTime,
    /// The last of them, with the severity of the gravest.
    pub alert: Alert,
    /// How many they are.
    pub count: u64,
}
