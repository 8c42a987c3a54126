use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use turnout_backends::{Calls, Database, Error, NotApplied};
use turnout_vocabulary::{MirrorState, PerBackend, Repository, RepositoryId};

use crate::Shared;
use crate::batch::Batch;
use crate::judge::Judge;
use crate::order::parents_first;

/// How long a lease that is not renewed counts as held.
const LEASE: Duration = Duration::from_secs(3);

/// How long an applier with nothing to do rests unless it is woken. The lease is renewed meanwhile.
const REST: Duration = Duration::from_millis(500);

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
        loop {
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

    /// Works until the lease is lost, or returns at once where there is none to be had.
    async fn hold_lease(&self) -> Result<(), Error> {
        let (source, target) = (self.source(), self.target());
        // No lease is worth having while the other side can't be written.
        if !source.schema().await?.installed || !target.schema().await?.installed || self.judge.stands_aside() {
            return Ok(());
        }
        let Some(token) = source.take_lease(&self.holder, LEASE).await? else {
            return Ok(());
        };
        let worked = self.work(token).await;
        if worked.is_err() {
            // Another host may reach what this one does not.
            let _ = source.leave_lease(token).await;
        }
        worked
    }

    async fn work(&self, token: i64) -> Result<(), Error> {
        let (source, target) = (self.source(), self.target());
        if !target.admit_lease(token).await? {
            return Ok(());
        }
        let work = Work {
            applier: self,
            token,
            numbers: source.numbers().await?,
            order: parents_first(&*target.schema().await?, &self.repositories),
            calls: source.calls().await?,
            noted: true,
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

/// What could be taken before the batch before it was acknowledged.
type TakenAhead<'a> = Result<Option<Batch<'a>>, Error>;

/// What an applier does while it has the lease.
struct Work<'a> {
    applier: &'a Applier,
    token: i64,
    numbers: Vec<(i16, RepositoryId)>,
    order: Vec<RepositoryId>,
    calls: Calls,
    /// Whether something may be noted on the source as received.
    noted: bool,
}

impl<'a> Work<'a> {
    async fn run(mut self) -> Result<(), Error> {
        let source = self.applier.source();
        let mut size = *BATCH.start();
        let mut place = None;
        let mut gone = 0;
        let mut asleep = false;
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
            let batch = match ahead.take() {
                Some(batch) => Some(batch),
                None => self.take(place.as_deref(), size).await?,
            };
            let Some(batch) = batch else {
                self.forget_received(first.take()).await?;
                if place.take().is_some() {
                    if !std::mem::take(&mut busy) {
                        self.rest().await;
                    }
                } else if asleep {
                    self.rest().await;
                } else {
                    // Then another look: a change made before this was noted has called nobody.
                    source.sleep().await?;
                    asleep = true;
                }
                continue;
            };
            asleep = false;
            first.get_or_insert_with(|| (batch.file, batch.seen.clone()));
            // Else the keys of one transaction may be spread over several batches.
            let whole = place.is_none() && batch.next.is_none();
            let (not_applied, next) = self.apply(&batch, size).await?;
            let done = self.acknowledge(&batch, &not_applied, whole).await?;
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
                if std::mem::take(&mut busy) {
                    let _ = timeout(GATHER, self.applier.shared.hurried()).await;
                } else {
                    // All of it has to wait for something else.
                    self.rest().await;
                }
            }
            // Whoever waits for a lock in vain does so as long for few as for many.
            let quick = if not_applied.is_empty() { QUICK } else { SLOW };
            if place.is_some() && took < quick {
                size = (size * 2).min(*BATCH.end());
            } else if took > SLOW {
                size = (size / 2).max(*BATCH.start());
            }
        }
    }

    /// The entries after this place, at most so many, or none at the end of the table.
    async fn take(&self, place: Option<&str>, size: u32) -> Result<Option<Batch<'a>>, Error> {
        let Applier {
            shared,
            repositories,
            judge,
            ..
        } = self.applier;
        let taken = self.applier.source().take(self.token, place, size).await?;
        Ok(taken.map(|taken| Batch::judged(shared.source, repositories, &**judge, &self.numbers, taken, size)))
    }

    /// Makes the other side equal, and meanwhile takes the next batch where that may be. Returns what could not be applied, and
    /// that batch.
    async fn apply(&self, batch: &Batch<'_>, size: u32) -> Result<(Vec<NotApplied>, TakenAhead<'a>), Error> {
        let changes = batch.changes(&self.order);
        let apply = async {
            if changes.is_empty() {
                return Ok(Vec::new());
            }
            self.applier.target().apply(self.token, &changes).await
        };
        let take = async {
            if batch.next.is_none() || !batch.may_be_read_past() {
                return Ok(None);
            }
            self.take(batch.next.as_deref(), size).await
        };
        let (not_applied, next) = tokio::join!(apply, take);
        Ok((not_applied?, next))
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
        if self.noted {
            let first = first.as_ref().map(|(file, seen)| (*file, seen.as_str()));
            self.noted = self.applier.source().forget_received(self.token, first).await?;
        }
        Ok(())
    }

    /// Rests until somebody calls.
    async fn rest(&mut self) {
        tokio::select! {
            () = self.applier.shared.wake.notified() => {}
            () = self.applier.shared.hurried() => {}
            () = self.calls.next() => {}
            () = sleep(REST) => {}
        }
    }
}
