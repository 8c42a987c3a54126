use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use turnout_backends::{Database, Evidence};
use turnout_policies::InForce;
use turnout_readiness::{Criterion, Readiness, Rules};
use turnout_runtime::presentable;
use turnout_vocabulary::{Epoch, PerBackend, Repository, Subject};

use crate::facts::facts;
use crate::obstacle::Obstacle;

/// The longest reason that is kept, in bytes.
const REASON_BYTES: usize = 500;

/// What must be so before `new` becomes the authority of subjects that have `old`.
#[derive(Clone, Debug, Default)]
pub struct PromotionRules {
    /// The criteria that must be met; none if such a change needs nothing.
    pub needs: Vec<Criterion>,
    /// What is enough for each.
    pub rules: Rules,
    /// The subjects that may move all the same.
    pub test_subjects: HashSet<Subject>,
}

/// A change that went on against criteria that are not met.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    because: String,
    unmet: Vec<(Criterion, String)>,
}

/// Decides whether authority may move to `new`.
pub(crate) struct Promotion {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rules: Arc<PromotionRules>,
    /// The machine that this host runs on.
    pub(crate) host: String,
}

impl Promotion {
    /// What a move needs; `None` if nothing.
    pub(crate) fn needed(&self) -> Option<Arc<PromotionRules>> {
        (!self.rules.needs.is_empty()).then(|| Arc::clone(&self.rules))
    }

    /// Goes on only if all that is needed is met, or a person gives a reason to go on all the same.
    pub(crate) async fn check(&self, now: &InForce, because: Option<&str>) -> Result<Option<Override>, Obstacle> {
        let PromotionRules { needs, rules, .. } = &*self.rules;
        let facts = facts(&self.backends, &self.repositories, Some(now)).await?;
        let readiness = Readiness::judge(&facts, rules);
        let unmet = readiness.unmet(needs);
        let unmet: Vec<_> = unmet.map(|judged| (judged.criterion, judged.reason.clone())).collect();
        match because {
            _ if unmet.is_empty() => Ok(None),
            Some(because) => Ok(Some(Override {
                because: presentable(because, REASON_BYTES),
                unmet,
            })),
            None => Err(Obstacle::Because(format!(
                "authority would move from old to new, and what that needs by `promotion.needs` is not so: {}; see `turnout ready`. \
                 To go on all the same, give a reason by --because, which is kept",
                in_words(&unmet)
            ))),
        }
    }

    /// Keeps why a change goes on against criteria that are not met.
    pub(crate) async fn keep(&self, overridden: &Override, epoch: Epoch) -> Result<(), Obstacle> {
        let Override { because, unmet } = overridden;
        let unmet: Vec<_> = unmet
            .iter()
            .map(|(criterion, reason)| json!({ "criterion": criterion, "reason": reason }))
            .collect();
        let names: Vec<String> = self
            .repositories
            .iter()
            .map(|repository| repository.name.clone())
            .collect();
        let evidence = Evidence {
            kind: "handoff",
            host: &self.host,
            version: env!("CARGO_PKG_VERSION"),
            epoch: Some(epoch),
            repositories: &names,
            result: &json!({ "step": "overridden", "because": because, "unmet": unmet }).to_string(),
        };
        self.backends.new.add_evidence(&evidence).await?;
        tracing::warn!(%epoch, because, "authority moves to new although not all is so that this needs");
        Ok(())
    }
}

fn in_words(unmet: &[(Criterion, String)]) -> String {
    let unmet: Vec<String> = unmet
        .iter()
        .map(|(criterion, reason)| format!("{criterion} ({reason})"))
        .collect();
    unmet.join(", ")
}
