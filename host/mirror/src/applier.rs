use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use turnout_backends::{Database, Error, NotApplied, Taken};
use turnout_vocabulary::{MirrorState, PerBackend, Repository, RepositoryId};

use crate::Shared;
use crate::batch::Batch;
use crate::judge::Judge;
use crate::order::parents_first;
use crate::ranges::Ranges;
use crate::rewound::rewound;

/// How long a lease that is not renewed counts as held.
const LEASE: Duration = Duration::from_secs(3);

/// How long an applier with nothing to do rests unless somebody wakes it. It renews its lease after each rest.
const REST: Duration = Duration::from_millis(500);

/// How often a resting applier looks whether somebody wrote behind Turnout's back.
const LOOK: Duration = Duration::from_millis(50);

/// How often an applier that a writer called looks for pending entries in vain before it waits for another call. A writer calls before
/// its transaction commits, and may never commit.
const LOOKS_IN_VAIN: u32 = 10;

/// How long the applier takes nothing of a table that was locked or could not be read. Each attempt takes time from the other tables.
const TABLE_RESTS: Duration = Duration::from_millis(500);

/// How long an applier at the end of the table lets entries gather, unless somebody waits for them: many cost little more than one.
const GATHER: Duration = Duration::from_millis(5);

/// How long an applier waits after a failure. The time doubles with each failure, up to [`REST`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// How often the log says why an applier can't work.
const TOLD_AFTER: Duration = Duration::from_mins(1);

/// How many entries are taken at once: more while a batch is [`QUICK`], fewer while it is [`SLOW`].
const BATCH: std::ops::RangeInclusive<u32> = 32..=4096;
const QUICK: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(400);

/// After how many acknowledged entries the applier gives their room in the table back. So many entries take less than two megabytes.
const VACUUM_AFTER: usize = 20_000;

/// Mirrors the changes of one side (the source) to the other (the target).
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

    pub(crate) fn source(&self) -> &Database {
        &self.backends[self.shared.source]
    }

    pub(crate) fn target(&self) -> &Database {
        &self.backends[self.shared.source.other()]
    }

    /// Works until the lease is lost or the mirror stops. Returns at once if another host holds the lease.
    async fn hold_lease(&self) -> Result<(), Error> {
        let (source, target) = (self.source(), self.target());
        // Without an installation on both sides nothing could be done under the lease.
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
            // Another host may reach a side that this one can't reach. It need not wait until the lease runs out.
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
            numbers: Mutex::default(),
            order: parents_first(&*target.schema().await?, &self.repositories),
            applied: there.incoming_tick,
            acknowledged: here.outgoing_tick,
            shown: there.incoming_shown,
            durable: there.incoming_shown,
            noted: true,
            stopped: Vec::new(),
            resting: HashMap::new(),
            passed_over: false,
            ranges: Ranges::default(),
        };
        // A row that the last holder of the lease applied and did not acknowledge may have changed on the target since. To apply it
        // again would put the older row over the newer one.
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

/// The batch that was taken while the one before it was applied, if there is one.
type TakenAhead<'a> = Result<Option<Batch<'a>>, Error>;

/// Tables by their numbers on one side.
pub(crate) type Numbers = Vec<(i16, Option<RepositoryId>)>;

/// What an applier does while it has the lease.
pub(crate) struct Work<'a> {
    pub(crate) applier: &'a Applier,
    pub(crate) token: i64,
    /// The numbers by which the source knows the tables; `None` stands for a table that this host does not serve.
    numbers: Mutex<Numbers>,
    order: Vec<RepositoryId>,
    /// The number of the last batch that was applied.
    pub(crate) applied: i64,
    /// The number of the last batch that was acknowledged.
    pub(crate) acknowledged: i64,
    /// The number of the last batch whose acknowledgement outlives a crash of the source.
    pub(crate) durable: i64,
    /// The last `durable` number that the target was shown.
    pub(crate) shown: i64,
    /// Whether the source may have notes of received keys (`turnout.noted`).
    noted: bool,
    /// The tables that could not be read in this pass through the table of dirty keys, each with the reason.
    stopped: Vec<(RepositoryId, String)>,
    /// The tables of which nothing is taken for now, by their numbers on the source, each with the end of its rest.
    resting: HashMap<i16, Instant>,
    /// Whether entries were passed over in this pass through the table of dirty keys.
    passed_over: bool,
    /// The dirty ranges of the source.
    pub(crate) ranges: Ranges,
}

impl<'a> Work<'a> {
    async fn run(&mut self) -> Result<(), Error> {
        let source = self.applier.source();
        let mut size = *BATCH.start();
        let mut place = None;
        let mut gone = 0;
        // Whether the next writer is to call, and how many looks since its last call were in vain.
        let mut asleep = false;
        let mut in_vain = 0;
        // Whether anything was done in this pass through the table.
        let mut busy = false;
        // The file of the first batch of this pass, and the snapshot from before its entries were looked at.
        let mut first = None;
        let mut ahead = None;
        loop {
            if self.applier.judge.stands_aside() {
                return source.leave_lease(self.token).await;
            }
            if ahead.is_none() {
                self.ranges
                    .look(&self.applier.backends, source.backend(), &self.applier.repositories)
                    .await?;
                self.work_off().await?;
            }
            let began = Instant::now();
            self.resting.retain(|_, until| *until > began);
            self.passed_over |= !self.resting.is_empty();
            let batch = match ahead.take() {
                Some(batch) => Some(batch),
                None => match self.take(place.as_deref(), size).await {
                    Err(error) if size > 1 && error.is_too_much() => {
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
                    // Look once more after this: a writer that came before it has called nobody.
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
            // Whether this batch has all entries of the table. If not, the keys of one transaction may be spread over several batches.
            let whole = place.is_none() && batch.next.is_none() && !batch.leaves_some && !self.passed_over;
            let (not_applied, next) = match self.apply(&batch, size).await {
                Err(error) if error.is_too_much() && size > 1 => {
                    size = (size / 8).max(1);
                    continue;
                }
                Err(error) if error.is_too_much() => match batch.only_key(error.sqlstate().unwrap_or_default()) {
                    Some(failure) => (vec![failure], Ok(None)),
                    None => return Err(error),
                },
                applied => applied?,
            };
            let done = self.acknowledge(&batch, &not_applied, whole).await?;
            let rested = Instant::now() + TABLE_RESTS;
            let locked = batch.locked(&not_applied).into_iter();
            self.resting.extend(locked.map(|number| (number, rested)));
            let took = began.elapsed();
            // A key that could not be applied is held from now on. The batch that was taken ahead does not know that, so it is taken again.
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
                    // Every entry that is left waits for something else.
                    self.rest().await?;
                }
            }
            // A batch that waited for a lock in vain would have waited as long with fewer entries.
            let quick = if not_applied.is_empty() { QUICK } else { SLOW };
            if place.is_some() && took < quick {
                size = (size * 2).min(*BATCH.end());
            } else if took > SLOW {
                size = (size / 2).max(size.min(*BATCH.start()));
            }
        }
    }

    /// Publishes which tables could not be read, once a pass has looked at all entries.
    fn end_pass(&mut self) {
        if !std::mem::take(&mut self.passed_over) {
            self.applier
                .shared
                .progress
                .set_stopped(std::mem::take(&mut self.stopped));
        }
    }

    /// Takes at most `size` entries after `place`. `None` at the end of the table.
    async fn take(&self, place: Option<&str>, size: u32) -> Result<Option<Batch<'a>>, Error> {
        let resting: Vec<_> = self.resting.keys().copied().collect();
        let Applier {
            shared,
            repositories,
            judge,
            ..
        } = self.applier;
        let Some(taken) = self.applier.source().take(self.token, place, size, &resting).await? else {
            return Ok(None);
        };
        let numbers = self.numbers_of(&taken).await?;
        let batch = Batch::judged(shared.source, repositories, &**judge, &numbers, taken, size);
        Ok(Some(batch))
    }

    /// The numbers of the tables, among which are all that were taken from: a table may have been installed since the last look.
    async fn numbers_of(&self, taken: &Taken) -> Result<Numbers, Error> {
        let lock = || self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = lock().clone();
        let found = taken.parts.iter().map(|part| part.number);
        let found = found.chain(taken.stopped.iter().map(|stopped| stopped.number));
        let is_unknown = |known: &Numbers, number: i16| known.iter().all(|(other, _)| *other != number);
        if found.clone().any(|number| is_unknown(&known, number)) {
            let numbers = self.applier.source().numbers().await?.into_iter();
            known = numbers.map(|(number, repository)| (number, Some(repository))).collect();
            for number in found {
                if is_unknown(&known, number) {
                    known.push((number, None));
                }
            }
            lock().clone_from(&known);
        }
        Ok(known)
    }

    /// Applies a batch to the target, and meanwhile takes the next batch where [`Batch::may_be_read_past`] allows it. Returns the keys that
    /// could not be applied, and the next batch.
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

    /// Tells the source which entries are applied, given up or held, and tells their waiters. Returns how many entries that were.
    async fn acknowledge(
        &mut self,
        batch: &Batch<'_>,
        not_applied: &[NotApplied],
        whole: bool,
    ) -> Result<usize, Error> {
        let shared = &self.applier.shared;
        let mut ack = batch.ack(not_applied);
        for (repository, rows) in batch.applied(not_applied) {
            shared.progress.applied(repository, rows);
            self.applier.judge.mirrored(repository, rows);
        }
        if ack.is_empty() {
            return Ok(0);
        }
        let over = batch.over(&ack);
        let complete = whole && !batch.has_held();
        let leaves_receipts = !ack.receipts.is_empty();
        // In a larger table it would take a full scan to find the entries that the receipts cover.
        ack.noted = !whole;
        self.noted |= ack.noted && leaves_receipts;
        (ack.tick, ack.before) = (self.applied, self.acknowledged);
        // A waiter is about to write again, and would wait for the disk twice.
        ack.may_be_lost = !leaves_receipts
            && complete
            && over
                .iter()
                .all(|(transaction, _)| shared.waiting.is_awaited(*transaction));
        if complete {
            for (transaction, state) in &over {
                shared.waiting.over(*transaction, *state);
            }
            // Waiters run on this thread as soon as it is free: let them answer before the acknowledgement.
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
        Ok(ack.entries.len() + ack.resolved.len() + ack.failed.len())
    }

    /// Ends a pass: the source forgets the notes of received keys that are older than the pass. `first` is the file and the snapshot of the
    /// first batch of the pass, `None` if the table was empty.
    async fn forget_received(&mut self, first: Option<(i64, String)>) -> Result<(), Error> {
        // A note may cover an entry that was passed over, so it must stay.
        if self.noted && !self.passed_over {
            let first = first.as_ref().map(|(file, seen)| (*file, seen.as_str()));
            self.noted = self.applier.source().forget_received(self.token, first).await?;
        }
        Ok(())
    }

    /// Rests for at most [`REST`]. Returns whether a writer called; its transaction may not have committed yet.
    async fn rest(&mut self) -> Result<bool, Error> {
        let shared = &self.applier.shared;
        let until = Instant::now() + REST;
        let until = self.ranges.next_due().map_or(until, |due| until.min(due));
        while Instant::now() < until {
            tokio::select! {
                () = shared.wake.notified() => return Ok(false),
                () = shared.hurried() => return Ok(false),
                () = sleep(LOOK.min(until - Instant::now())) => {}
            }
            self.show().await?;
            if self.applier.source().is_called().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows the target the last batch whose acknowledgement outlives a crash of the source. A source that shows less later was restored
    /// from the past.
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
