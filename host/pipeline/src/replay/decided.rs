use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turnout_runtime::{CallError, DualWrite, Policy, Routing};
use turnout_vocabulary::{Action, Admission, Backend, Conditions, MirrorPlan, ReadPlan, RepositoryId, Subject};

/// What policies decide on an operation while both backends are well. Files of recorded operations hold it, in the words that the cases
/// of `turnout policy test` use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The stage that the routing policy's decisions amount to; absent where it was not asked, `undecided` where it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// By function.
    pub decision: BTreeMap<String, Value>,
}

impl Decided {
    /// What a routing policy decides.
    #[must_use]
    pub fn by_routing(
        policy: &Policy<Routing>,
        action: Action,
        repository: RepositoryId,
        subject: Option<&Subject>,
    ) -> Self {
        let conditions = Conditions::healthy(Some(Duration::ZERO));
        let admission = policy.admit(action, repository, subject);
        let authority = policy.authority(repository, subject);
        let mirrored = policy.mirrored(repository, subject);
        let read = policy.read(Action::Find, repository, subject, &conditions);
        let stage = match (&authority, &mirrored, &read) {
            (Ok(authority), Ok(mirrored), Ok(read)) => stage(*authority, *mirrored, read.compare > 0),
            _ => "undecided",
        };
        let mut decision = BTreeMap::from([
            ("admit".to_owned(), value(admission, in_words::admission)),
            ("authority".to_owned(), value(authority, |backend| json!(backend))),
            ("mirrored".to_owned(), value(mirrored, |mirrored| json!(mirrored))),
        ]);
        if !action.is_write() {
            decision.insert("read".to_owned(), value(read, in_words::read));
        }
        Self {
            stage: Some(stage.to_owned()),
            decision,
        }
    }

    /// What a dual-write policy decides on a write.
    #[must_use]
    pub fn by_dual_write(
        policy: &Policy<DualWrite>,
        action: Action,
        repository: RepositoryId,
        subject: Option<&Subject>,
        authority: Backend,
    ) -> Self {
        let plan = policy.mirror(action, repository, subject, authority);
        Self {
            stage: None,
            decision: BTreeMap::from([("mirror".to_owned(), value(plan, in_words::mirror))]),
        }
    }

    /// Who is written; `old` where that is not decided.
    #[must_use]
    pub fn authority(&self) -> Backend {
        let authority = self.decision.get("authority").map(Backend::deserialize);
        authority.and_then(Result::ok).unwrap_or(Backend::Old)
    }

    /// Adds what another policy decides.
    pub(super) fn join(&mut self, other: Self) {
        self.decision.extend(other.decision);
    }

    /// What is decided, each as a function and its answer in words. A stage is one, too.
    pub fn answers(&self) -> impl Iterator<Item = (&str, String)> {
        let stage = self.stage.iter().map(|stage| ("stage", stage.clone()));
        stage.chain(self.decision.iter().map(|(function, value)| {
            // For people: numbers and words, without the marks around these.
            let data = || value.to_string().replace('"', "").replace(',', ", ").replace(':', ": ");
            (function.as_str(), value.as_str().map_or_else(data, str::to_owned))
        }))
    }

    /// Each function that both were asked and answered differently, with both answers.
    #[must_use]
    pub fn changes(&self, then: &Self) -> Vec<(String, String, String)> {
        let now: BTreeMap<_, _> = self.answers().collect();
        let both = then.answers().filter_map(|(function, then)| {
            let now = now.get(function)?;
            (*now != then).then(|| (function.to_owned(), now.clone(), then))
        });
        both.collect()
    }
}

/// The stage whose meaning these decisions have, whatever the policy calls it.
fn stage(authority: Backend, mirrored: bool, compared: bool) -> &'static str {
    match (authority, mirrored, compared) {
        (Backend::Old, false, _) => "off",
        (Backend::Old, true, false) => "dualwrite",
        (Backend::Old, true, true) => "shadow",
        (Backend::New, true, true) => "live",
        (Backend::New, true, false) => "rampdown",
        (Backend::New, false, _) => "complete",
    }
}

fn value<T>(answer: Result<T, CallError>, words: impl Fn(T) -> Value) -> Value {
    answer.map_or_else(|error| Value::String(error.failure.to_string()), words)
}

/// Decisions as data: in recordings, and in the cases of `turnout policy test`.
pub mod in_words {
    use super::{Admission, Backend, Duration, MirrorPlan, ReadPlan, Value, json};

    /// Whether an operation goes ahead.
    #[must_use]
    pub fn admission(admission: Admission) -> Value {
        match admission {
            Admission::Admit => json!("admit"),
            Admission::Refuse { retry_after } => json!({"refuse_ms": milliseconds(retry_after)}),
        }
    }

    /// Where a read goes.
    #[must_use]
    pub fn read(plan: ReadPlan) -> Value {
        let fallback = plan.fallback.map_or("none", Backend::as_str);
        json!({"primary": plan.primary, "fallback": fallback, "compare": plan.compare})
    }

    /// How a write reaches the other side.
    #[must_use]
    pub fn mirror(plan: MirrorPlan) -> Value {
        match plan {
            MirrorPlan::Off => json!("off"),
            MirrorPlan::Async => json!("async"),
            MirrorPlan::Sync { bound } => json!({"sync_ms": milliseconds(bound)}),
        }
    }

    fn milliseconds(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }
}
