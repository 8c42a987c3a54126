use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use turnout_backends::{Database, Error, NotApplied};
use turnout_vocabulary::{MirrorState, PerBackend, Repository, RepositoryId};

use crate::Shared;
use crate::batch::Batch;
use crate::judge::Judge;
use crate::order::parents_first;
use crate::rewound::rewound;

/// How long a lease that is not renewed counts as held.
const LEASE: Duration = Duration::from_secs(3);

/// How long an applier with nothing to do rests unless it is woken. The lease is renewed meanwhile.
const REST: Duration = Duration::from_millis(500);

/// How often it looks meanwhile whether somebody wrote behind Turnout's back.
const LOOK: Duration = Duration::from_millis(50);

/// How often an applier that was called looks for changes in vain before it waits for another call. A writer calls before its transaction
/// commits, and may never commit.
const LOOKS_IN_VAIN: u32 = 10;

/// How long nothing is taken of a table that was found locked, or that could not be read: to try it takes time from the others.
const TABLE_RESTS: Duration = Duration::from_millis(500);

/// How long an applier that found no more gathers changes, unless somebody waits for them: many cost little more than one.
const GATHER: Duration = Duration::from_millis(5);

/// How long an applier waits after a failure; the time doubles up to the rest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// How often people hear why an applier can't work.
const TOLD_AFTER: Duration = Duration::from_mins(1);

/// How many entries are taken at once: more while that is quick, fewer while it is slow.
const BATCH: std::ops::RangeInclusive<u32> = 32..=4096;
const QUICK: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(400);

/// After how many entries their room in the table is given back. Together they are below two megabytes.
const VACUUM_AFTER: usize = 20_000;

/// Mirrors the changes of one side.
#[derive(Clone)]
pub(crate) struct Applier {
    pub(crate) shared: Arc<Shared>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) judge: Arc<dyn Judge>,
    pub(crate) holder: String,
}

impl Applier {
    /// Takes the lease whenever it is free, and works while it has it.
    pub(crate) async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut told: Option<Instant> = None;
        // The applier before this one may have panicked at its work.
        self.shared.progress.set_at_work(false);
        while !self.shared.is_stopping() {
            let worked = self.hold_lease().await;
            self.shared.progress.set_at_work(false);
            match worked {
                Ok(()) | Err(Error::Dispossessed { .. }) => {
                    pause = FIRST_PAUSE;
                    let _ = timeout(REST, self.shared.wake.notified()).await;
                }
                Err(error) => {
                    let source = self.shared.source;
                    if told.is_none_or(|told| told.elapsed() > TOLD_AFTER) {
                        told = Some(Instant::now());
                        tracing::warn!(%source, %error, "the mirror waits, and tries again; `turnout check` may say why");
                    } else {
                        tracing::debug!(%source, %error, "the mirror waits");
                    }
                    sleep(pause).await;
                    pause = REST.min(pause * 2);
                }
            }
        }
    }

    fn source(&self) -> &Database {
        &self.backends[self.shared.source]
    }

    fn target(&self) -> &Database {
        &self.backends[self.shared.source.other()]
    }

    /// Works until the lease is lost or the mirror stops, or returns at once where there is no lease to be had.
    async fn hold_lease(&self) -> Result<(), Error> {
        let (source, target) = (self.source(), self.target());
        // No lease is worth having while the other side can't be written.
        if !source.schema().await?.installed || !target.schema().await?.installed || self.judge.stands_aside() {
            return Ok(());
        }
        if let Some(found) = rewound(&self.backends).await? {
            return Err(Error::Rewound {
                side: found.side,
                reason: found.reason,
            });
        }
        let Some(token) = source.take_lease(&self.holder, LEASE).await? else {
            return Ok(());
        };
        let worked = tokio::select! {
            worked = self.work(token) => worked,
            () = self.shared.stops() => Ok(()),
        };
        if worked.is_err() || self.shared.is_stopping() {
            // Another host may reach what this one does not, and need not wait for this one.
            let _ = source.leave_lease(token).await;
        }
        worked
    }

    async fn work(&self, token: i64) -> Result<(), Error> {
        let (source, target) = (self.source(), self.target());
        if !target.admit_lease(token).await? {
            return Ok(());
        }
        let (here, there) = (source.ticks().await?, target.ticks().await?);
        let mut work = Work {
            applier: self,
            token,
            numbers: source.numbers().await?,
            order: parents_first(&*target.schema().await?, &self.repositories),
            applied: there.incoming_tick,
            acknowledged: here.outgoing_tick,
            shown: there.incoming_shown,
            durable: there.incoming_shown,
            noted: true,
            stopped: Vec::new(),
            resting: HashMap::new(),
            passed_over: false,
        };
        // What a predecessor has applied and not acknowledged may have changed there since, and must not be put over that.
        let receipts = target.receipts().await?;
        source.end_received(token, &receipts).await?;
        if !receipts.is_empty() {
            target.forget_receipts(token).await?;
        }
        self.shared.progress.set_at_work(true);
        tracing::debug!(source = %self.shared.source, token, "mirroring");
        work.run().await
    }
}

/// Whether an error says that a batch is too much for a server: a statement that was cancelled, out of memory, a limit passed.
fn is_too_much(error: &Error) -> Option<&str> {
    match error {
        Error::Database(error) if error.sqlstate == "57014" || ["53", "54"].contains(&&error.sqlstate[..2]) => {
            Some(&error.sqlstate)
        }
        _ => None,
    }
}

/// What could be taken before the batch before it was acknowledged.
type TakenAhead<'a> = Result<Option<Batch<'a>>, Error>;

/// What an applier does while it has the lease.
struct Work<'a> {
    applier: &'a Applier,
    token: i64,
    numbers: Vec<(i16, RepositoryId)>,
    order: Vec<RepositoryId>,
    /// The number of the last batch that was applied, of the last that was acknowledged, of the last whose acknowledgement outlives a crash
    /// of the source, and of the last of these that the target was shown.
    applied: i64,
    acknowledged: i64,
    durable: i64,
    shown: i64,
    /// Whether something may be noted on the source as received.
    noted: bool,
    /// The tables that could not be read since the beginning of the table of dirty keys, each with the reason.
    stopped: Vec<(RepositoryId, String)>,
    /// The tables of which nothing is taken for now, by their numbers on the source, and until when.
    resting: HashMap<i16, Instant>,
    /// Whether entries were passed over since the beginning of the table of dirty keys.
    passed_over: bool,
}

impl<'a> Work<'a> {
    async fn run(&mut self) -> Result<(), Error> {
        let source = self.applier.source();
        let mut size = *BATCH.start();
        let mut place = None;
        let mut gone = 0;
        // Whether a writer calls, and how often that was in vain since the last call.
        let mut asleep = false;
        let mut in_vain = 0;
        // Whether anything was done since the beginning of the table.
        let mut busy = false;
        // The file of the first batch since then, and the snapshot of its rows.
        let mut first = None;
        let mut ahead = None;
        loop {
            if self.applier.judge.stands_aside() {
                return source.leave_lease(self.token).await;
            }
            let began = Instant::now();
            self.resting.retain(|_, until| *until > began);
            self.passed_over |= !self.resting.is_empty();
            let batch = match ahead.take() {
                Some(batch) => Some(batch),
                None => match self.take(place.as_deref(), size).await {
                    Err(error) if size > 1 && is_too_much(&error).is_some() => {
                        size = (size / 8).max(1);
                        continue;
                    }
                    batch => batch?,
                },
            };
            let Some(batch) = batch else {
                self.forget_received(first.take()).await?;
                self.end_pass();
                if place.take().is_some() {
                    if !std::mem::take(&mut busy) {
                        self.rest().await?;
                    }
                } else if asleep {
                    in_vain = if self.rest().await? { in_vain + 1 } else { 0 };
                    asleep = in_vain < LOOKS_IN_VAIN;
                } else {
                    // Then another look: a change made before this was noted has called nobody.
                    source.sleep().await?;
                    asleep = true;
                    in_vain = 0;
                }
                continue;
            };
            asleep = false;
            for (repository, _, reason) in &batch.stopped {
                self.stopped.push((*repository, reason.clone()));
            }
            first.get_or_insert_with(|| (batch.file, batch.seen.clone()));
            // Else the keys of one transaction may be spread over several batches.
            let whole = place.is_none() && batch.next.is_none() && !batch.leaves_some && !self.passed_over;
            let (not_applied, next) = match self.apply(&batch, size).await {
                Err(error) => match (is_too_much(&error), size) {
                    (Some(_), 2..) => {
                        size = (size / 8).max(1);
                        continue;
                    }
                    (Some(sqlstate), _) if let Some(failure) = batch.only_key(sqlstate) => (vec![failure], Ok(None)),
                    _ => return Err(error),
                },
                applied => applied?,
            };
            let done = self.acknowledge(&batch, &not_applied, whole).await?;
            let rested = Instant::now() + TABLE_RESTS;
            let locked = batch.locked(&not_applied).into_iter();
            self.resting.extend(locked.map(|number| (number, rested)));
            let took = began.elapsed();
            // What could not be applied is held from now on, and may have been taken once more without that.
            ahead = next?.filter(|_| not_applied.is_empty());
            place = batch.next;
            gone += done;
            busy |= done > 0;
            if gone >= VACUUM_AFTER {
                gone = 0;
                source.vacuum().await?;
                self.applier.target().vacuum_receipts().await?;
            }
            if place.is_none() {
                self.forget_received(first.take()).await?;
                self.end_pass();
                if std::mem::take(&mut busy) {
                    let _ = timeout(GATHER, self.applier.shared.hurried()).await;
                } else {
                    // All of it has to wait for something else.
                    self.rest().await?;
                }
            }
            // Whoever waits for a lock in vain does so as long for few as for many.
            let quick = if not_applied.is_empty() { QUICK } else { SLOW };
            if place.is_some() && took < quick {
                size = (size * 2).min(*BATCH.end());
            } else if took > SLOW {
                size = (size / 2).max(size.min(*BATCH.start()));
            }
        }
    }

    /// Tells which tables could not be read, now that all dirty keys were looked at.
    fn end_pass(&mut self) {
        if !std::mem::take(&mut self.passed_over) {
            self.applier
                .shared
                .progress
                .set_stopped(std::mem::take(&mut self.stopped));
        }
    }

    /// The entries after this place, at most so many, or none at the end of the table.
    async fn take(&self, place: Option<&str>, size: u32) -> Result<Option<Batch<'a>>, Error> {
        let resting: Vec<_> = self.resting.keys().copied().collect();
        let Applier {
            shared,
            repositories,
            judge,
            ..
        } = self.applier;
        let taken = self.applier.source().take(self.token, place, size, &resting).await?;
        Ok(taken.map(|taken| Batch::judged(shared.source, repositories, &**judge, &self.numbers, taken, size)))
    }

    /// Makes the other side equal, and meanwhile takes the next batch where that may be. Returns what could not be applied, and
    /// that batch.
    async fn apply(&mut self, batch: &Batch<'_>, size: u32) -> Result<(Vec<NotApplied>, TakenAhead<'a>), Error> {
        let changes = batch.changes(&self.order);
        let (number, durable) = (self.applied + 1, self.durable);
        let apply = async {
            if changes.is_empty() {
                return Ok(Vec::new());
            }
            self.applier.target().apply(self.token, &changes, number, durable).await
        };
        let take = async {
            if batch.next.is_none() || !batch.may_be_read_past() {
                return Ok(None);
            }
            self.take(batch.next.as_deref(), size).await
        };
        let (not_applied, next) = tokio::join!(apply, take);
        let not_applied = not_applied?;
        if !changes.is_empty() {
            self.applied = number;
            self.shown = durable;
        }
        Ok((not_applied, next))
    }

    /// Ends all work on what is applied and on what never will be. Returns how many entries are done with.
    async fn acknowledge(
        &mut self,
        batch: &Batch<'_>,
        not_applied: &[NotApplied],
        whole: bool,
    ) -> Result<usize, Error> {
        let shared = &self.applier.shared;
        let mut ack = batch.ack(not_applied);
        for (repository, rows) in batch.applied() {
            shared.progress.applied(repository, rows);
        }
        if ack.is_empty() {
            return Ok(0);
        }
        let over = batch.over(&ack);
        let complete = whole && !batch.has_held();
        let leaves_receipts = !ack.receipts.is_empty();
        // In a larger table it would take long to look for all that is left of those.
        ack.noted = !whole;
        self.noted |= ack.noted && leaves_receipts;
        (ack.tick, ack.before) = (self.applied, self.acknowledged);
        // Whoever waits is about to write again, and would wait for the disk twice.
        ack.may_be_lost = !leaves_receipts
            && complete
            && over
                .iter()
                .all(|(transaction, _)| shared.waiting.is_awaited(*transaction));
        if complete {
            for (transaction, state) in &over {
                shared.waiting.over(*transaction, *state);
            }
            // Those that waited answer first: who is told runs on this thread as soon as it is free.
            tokio::task::yield_now().await;
        }
        self.applier.source().ack(self.token, batch.file, &ack).await?;
        self.acknowledged = ack.tick;
        if !ack.may_be_lost {
            self.durable = ack.tick;
        }
        if leaves_receipts {
            self.applier.target().forget_receipts(self.token).await?;
        }
        if !complete {
            for (transaction, _) in over {
                if shared.waiting.is_awaited(transaction) {
                    match self.applier.source().mirror_state(transaction).await? {
                        MirrorState::Pending => {}
                        state => shared.waiting.over(transaction, state),
                    }
                }
            }
        }
        Ok(ack.entries.len() + ack.settled.len() + ack.failed.len())
    }

    /// Forgets what was noted as received before the table was read, which began with this, and with nothing if it was empty.
    async fn forget_received(&mut self, first: Option<(i64, String)>) -> Result<(), Error> {
        // Of an entry that was passed over nobody knows whether it is done with.
        if self.noted && !self.passed_over {
            let first = first.as_ref().map(|(file, seen)| (*file, seen.as_str()));
            self.noted = self.applier.source().forget_received(self.token, first).await?;
        }
        Ok(())
    }

    /// Rests until somebody calls. Whether a writer did that has not committed yet, perhaps.
    async fn rest(&mut self) -> Result<bool, Error> {
        let shared = &self.applier.shared;
        let until = Instant::now() + REST;
        while Instant::now() < until {
            tokio::select! {
                () = shared.wake.notified() => return Ok(false),
                () = shared.hurried() => return Ok(false),
                () = sleep(LOOK) => {}
            }
            self.show().await?;
            if self.applier.source().is_called().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows the target the last batch whose acknowledgement outlives a crash of the source: from then on the target finds out a source that
    /// was restored from an earlier time.
    async fn show(&mut self) -> Result<(), Error> {
        if self.durable < self.acknowledged {
            self.applier.source().persist().await?;
            self.durable = self.acknowledged;
        }
        if self.shown < self.durable {
            self.applier.target().note_shown(self.token, self.durable).await?;
            self.shown = self.durable;
        }
        Ok(())
    }
}
