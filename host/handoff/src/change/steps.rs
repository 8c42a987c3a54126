use std::sync::Arc;

use turnout_policies::{Era, InForce};
use turnout_vocabulary::{Backend, Span};

use crate::change::timings::{Laps, Timings};
use crate::compare::proof::Proof;
use crate::drain::Drain;
use crate::drain::direct::DirectWrites;
use crate::fences::Fences;
use crate::gate::{Gate, Passed};
use crate::numbers::Sequences;
use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::record::past::PastSets;
use crate::sides::restored::RestoredSide;

/// What is done from the first fence to the release.
pub(crate) struct Steps {
    pub(crate) fences: Arc<Fences>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) sequences: Arc<Sequences>,
    pub(crate) restored: Arc<RestoredSide>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) proof: Arc<Proof>,
    pub(crate) direct: DirectWrites,
    pub(crate) record: Arc<Record>,
    pub(crate) past: Arc<PastSets>,
}

impl Steps {
    /// The steps of a handoff: both fences, the drain, the sequences, the proof where one is needed, the release. Notes how long each
    /// took.
    pub(crate) async fn take(
        &self,
        now: &InForce,
        passed: &Passed,
        next: &InForce,
        timings: &mut Timings,
    ) -> Result<(), Obstacle> {
        let mut laps = Laps::begin();
        for backend in sides(next) {
            self.fences.raise(backend, next.epoch).await?;
        }
        timings.fences = laps.lap();
        tokio::try_join!(self.drain.drain(next), self.sequences.set_apart(next))?;
        timings.drain = laps.lap();
        self.restored.refuse().await?;
        let unproven = self.gate.unproven(now, &next.era, passed).await?;
        self.proof.prove(next, &unproven).await?;
        let direct = self.direct.find(next).await?;
        self.sequences.set_back(next).await;
        timings.proof = laps.lap();
        self.record.release(next.epoch).await?;
        timings.release = laps.lap();
        self.direct.tell(direct);
        self.past.remember(&next.era).await;
        Ok(())
    }
}

/// Both sides, first the one that loses authority.
fn sides(next: &InForce) -> [Backend; 2] {
    let weight = |era: &Era, side: Backend| -> usize {
        let spans = era.set.spans();
        spans
            .filter(|span| matches!(span, Span::Both) || *span == Span::One(side))
            .count()
    };
    let before = next.leaving.last().map_or(0, |era| weight(era, Backend::New));
    if before > weight(&next.era, Backend::New) {
        [Backend::New, Backend::Old]
    } else {
        Backend::ALL
    }
}
