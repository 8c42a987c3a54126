use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use turnout_backends::{DirtyRange, Error as BackendError, Evidence, Gap, KeyRange};
use turnout_compare::Load;
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::compare::converge::Convergence;

/// How often is looked how far the ranges are.
const GLANCE: Duration = Duration::from_millis(100);

/// How long ranges are waited for at a time. Large tables take hours; whoever waits asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kind of the evidence that a table was gone through.
const KIND: &str = "backfill";

/// A repository that is gone through as a dirty range of one side.
pub(crate) struct Ranged<'a> {
    repository: &'a Repository,
    source: Backend,
}

impl Convergence {
    /// Makes a repository a dirty range of the side that is the authority of rows of nobody, if the applier can go through it as such: both sides
    /// order the keys alike, or the other side is empty. A range that is under way goes on. The applier copies what the other side lacks, and
    /// marks what differs.
    pub(crate) async fn begin_range<'a>(
        &self,
        repository: &'a Repository,
        in_force: &InForce,
        gaps: &[Gap],
    ) -> Result<Begun<'a>, BackendError> {
        let source = in_force.authority(repository.id, None).unwrap_or(Backend::Old);
        let (here, there) = (&self.backends[source], &self.backends[source.other()]);
        let ranged = Ranged { repository, source };
        if here.ranges().await?.iter().any(|range| ranged.is(range, in_force)) {
            return Ok(Begun::Range(ranged));
        }
        let (order, others) = tokio::try_join!(here.key_order(repository), there.key_order(repository))?;
        if order.sorted.is_none() || order != others {
            let all = KeyRange {
                columns: &repository.key,
                key: &order.columns,
                low: None,
                high: None,
                parts: 1,
            };
            if !there.digest(repository, all, Some(1)).await?.is_empty() {
                return Ok(Begun::ByParts);
            }
        }
        let Some(before) = self.gaps.before_comparison(repository, gaps).await? else {
            return Ok(Begun::Not);
        };
        self.warn_of_missing_columns(repository).await?;
        let load = Load::FULL.as_percent();
        here.begin_range(repository, &order.columns, in_force.epoch, load, &before)
            .await?;
        self.mirror.wake(source);
        Ok(Begun::Range(ranged))
    }

    /// Waits a while for ranges. False if some are left.
    pub(crate) async fn await_ranges(
        &self,
        mut waiting: Vec<Ranged<'_>>,
        in_force: &InForce,
    ) -> Result<bool, BackendError> {
        let until = Instant::now() + PATIENCE;
        while !waiting.is_empty() {
            if self.policies.in_force().epoch != in_force.epoch {
                return Ok(true);
            }
            let (old, new) = tokio::try_join!(self.backends.old.ranges(), self.backends.new.ranges())?;
            let ranges = PerBackend { old, new };
            let mut left = Vec::new();
            for ranged in waiting {
                let mut found = ranges[ranged.source].iter();
                match found.find(|range| ranged.is(range, in_force)) {
                    Some(range) if range.is_done => self.end_range(&ranged, range, in_force).await?,
                    Some(range) => {
                        self.comparer.show(ranged.repository, ranged.source, range.rows).await?;
                        left.push(ranged);
                    }
                    // Somebody took it away, as by a new installation: it begins anew.
                    None => return Ok(false),
                }
            }
            waiting = left;
            if !waiting.is_empty() && Instant::now() >= until {
                return Ok(false);
            }
            sleep(GLANCE).await;
        }
        self.comparer.show_nothing();
        Ok(true)
    }

    async fn end_range(&self, ranged: &Ranged<'_>, range: &DirtyRange, in_force: &InForce) -> Result<(), BackendError> {
        let name = &ranged.repository.name;
        for backend in Backend::ALL {
            self.mirror.hurry(backend);
        }
        let seconds = range.took.as_secs_f64();
        tracing::info!(
            epoch = %in_force.epoch,
            repository = name,
            rows = range.rows,
            copied = range.copied,
            seconds,
            "both sides compared, and copied what one side lacked"
        );
        self.note_converged(in_force.epoch, ranged.repository, &range.before)
            .await?;
        let gone_through =
            json!({"from": ranged.source, "rows": range.rows, "copied": range.copied, "seconds": seconds});
        let result = json!({"complete": true, "repositories": {name: gone_through}}).to_string();
        let evidence = Evidence {
            kind: KIND,
            host: &self.host,
            version: env!("CARGO_PKG_VERSION"),
            epoch: Some(in_force.epoch),
            repositories: std::slice::from_ref(name),
            result: &result,
        };
        self.backends.new.add_evidence(&evidence).await?;
        self.backends[ranged.source]
            .forget_range(ranged.repository, in_force.epoch)
            .await
    }
}

/// What became of a repository that was to be made a dirty range.
pub(crate) enum Begun<'a> {
    /// It is one.
    Range(Ranged<'a>),
    /// It must be compared by parts.
    ByParts,
    /// Its changes are missed now: to compare it would prove nothing.
    Not,
}

impl Ranged<'_> {
    fn is(&self, range: &DirtyRange, in_force: &InForce) -> bool {
        range.schema == self.repository.schema && range.table == self.repository.table && range.epoch == in_force.epoch
    }
}
