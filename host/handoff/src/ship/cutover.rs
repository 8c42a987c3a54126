use serde_json::json;
use turnout_backends::Evidence;
use turnout_policies::{File, Origin};
use turnout_runtime::presentable;
use turnout_vocabulary::Epoch;

use crate::change::ATTEMPTS;
use crate::change::timings::Timings;
use crate::obstacle::Obstacle;
use crate::record::format;
use crate::ship::error::NotShipped;
use crate::ship::stages::{self, NotStaged, StageChange, Whom};
use crate::ship::{Asker, Shipping, WHO_BYTES, kept};

/// The kind of the evidence.
const KIND: &str = "handoff";

/// The longest reason that is kept, in bytes.
const REASON_BYTES: usize = 500;

/// What a cutover or a rollback did.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The epoch that was in force before.
    pub from: Epoch,
    /// The epoch that is in force.
    pub epoch: Epoch,
    /// The stages that changed.
    pub changes: Vec<StageChange>,
    /// How long each part of the handoff took.
    pub timings: Timings,
    /// The number under which this is kept.
    pub evidence: i64,
    /// Why the policy directory does not hold what is in force, if it does not.
    pub unwritten: Option<String>,
}

/// The settings of the routing policy that are to come into force.
type Edited = Result<(String, Vec<StageChange>), NotStaged>;

impl Shipping {
    /// Has everyone, or some subjects, stand at `live` by a handoff: everything that is mirrored from `old`, if it is for everyone.
    ///
    /// # Errors
    /// [`NotShipped`] with the reason. If only the evidence could not be kept, the cutover is in force, and no rollback finds it.
    pub async fn cut_over(&self, whom: &Whom, asker: Asker) -> Result<Moved, NotShipped> {
        let edit = |settings: &str| stages::cut_over(settings, whom, &self.rule);
        self.move_stages("cutover", None, edit, asker).await
    }

    /// Takes the last cutover back that was not yet: what it changed stands where it stood before. What was changed otherwise since
    /// stays.
    ///
    /// # Errors
    /// As [`cut_over`](Self::cut_over).
    pub async fn take_back(&self, asker: Asker) -> Result<Moved, NotShipped> {
        let (cutover, from) = self.backends.new.open_cutover().await?.ok_or(NotShipped::NoCutover)?;
        let (database, records) = self.history.records().await?;
        let built_in = self.policies.source.built_in();
        let then = format::worlds(built_in, database, kept::record_of(&records, from)?)?;
        let then = &then.routing.stable.settings;
        let edit = |settings: &str| stages::take_back(settings, then, &self.rule);
        self.move_stages("rollback", Some(cutover), edit, asker).await
    }

    /// Brings other stages into force, and keeps that as evidence.
    async fn move_stages(
        &self,
        step: &str,
        of: Option<i64>,
        edit: impl Fn(&str) -> Edited,
        asker: Asker,
    ) -> Result<Moved, NotShipped> {
        let Asker { who, because } = asker;
        let by = Origin {
            who: presentable(&who, WHO_BYTES),
            from: step.to_owned(),
        };
        for _ in 0..ATTEMPTS {
            // A side that can't be asked now is met again at the handoff.
            let _ = self.learner.learn().await;
            let base = self.policies.in_force();
            let mut files = base.files.clone();
            let routing = &mut files.routing;
            if routing.trial.is_some() {
                return Err(NotShipped::OnTrial);
            }
            let (settings, changes) = edit(&String::from_utf8_lossy(&routing.settings.content))?;
            routing.settings = File::new(routing.settings.path.clone(), settings.into_bytes());
            routing.by = by.clone();
            let Some(shipped) = self.bring(&base, &files, because.as_deref()).await? else {
                continue;
            };
            let mut moved = Moved {
                from: base.epoch,
                epoch: shipped.epoch,
                changes,
                timings: shipped.timings,
                evidence: 0,
                unwritten: shipped.unwritten,
            };
            let because = because.map(|because| presentable(&because, REASON_BYTES));
            moved.evidence = self.keep(step, of, &moved, &by.who, because.as_deref()).await?;
            return Ok(moved);
        }
        Err(self.policies.refuse(&Obstacle::Overtaken).into())
    }

    async fn keep(
        &self,
        step: &str,
        of: Option<i64>,
        moved: &Moved,
        who: &str,
        because: Option<&str>,
    ) -> Result<i64, NotShipped> {
        let places = moved
            .changes
            .iter()
            .map(|StageChange { place, before, after }| json!({ "place": place, "before": before, "after": after }));
        let result = json!({
            "step": step,
            "of": of,
            "from_epoch": moved.from,
            "to_epoch": moved.epoch,
            "by": who,
            "because": because,
            "changes": places.collect::<Vec<_>>(),
            "waited_ms": moved.timings.waited().as_secs_f64() * 1000.0,
        });
        let repositories: Vec<String> = self
            .repositories
            .iter()
            .map(|repository| repository.name.clone())
            .collect();
        let evidence = Evidence {
            kind: KIND,
            host: &self.host,
            version: env!("CARGO_PKG_VERSION"),
            epoch: Some(moved.epoch),
            repositories: &repositories,
            result: &result.to_string(),
        };
        Ok(self.backends.new.add_evidence(&evidence).await?)
    }
}
