use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use turnout_backends::{Chunk, ChunkEnd, Error, KeyRange};
use turnout_compare::{Marks, all_in, differing_from, differing_in, mark_dirty, not_on_their_way};
use turnout_vocabulary::{Backend, Epoch, Repository, RepositoryId};

use super::rows::pick;
use super::{Open, copied_columns};
use crate::applier::Work;
use crate::judge::{Judge, Unsaid};

/// How many bytes of rows a chunk has at most: what the applier keeps of it in memory.
const MOST_BYTES: usize = 16 << 20;

/// How often the lease is renewed while a chunk is on its way.
const RENEW: Duration = Duration::from_secs(1);

/// What became of a chunk.
enum Done {
    /// So many of its rows were copied. Others were equal, or have entries of their own.
    Copied { rows: u64, copied: u64 },
    /// It was too much for one statement.
    TooMuch,
    /// Its epoch is over, its table is locked, or nobody can say yet whose its rows are.
    Later,
}

impl Work<'_> {
    /// Works off one chunk of the range that is due next. No entry is taken meanwhile: one of a row that was read for the chunk would be
    /// applied before the row is copied over it (`tests/tests/model/range.rs`).
    pub(crate) async fn work_off(&mut self) -> Result<(), Error> {
        let Some(mut open) = self.ranges.take_next() else {
            return Ok(());
        };
        let began = Instant::now();
        let (source, token) = (self.applier.source(), self.token);
        let renewed = async {
            loop {
                sleep(RENEW).await;
                // If that fails, the lease runs out, and the copy is refused.
                let _ = source.renew_lease(token).await;
            }
        };
        let done = tokio::select! {
            done = self.attempt(&mut open) => done,
            never = renewed => never,
        };
        match done {
            Ok(Done::Copied { .. }) => {
                open.waits = false;
                open.took(began.elapsed());
            }
            Ok(Done::TooMuch) => {
                if !open.shorten() {
                    open.rest();
                }
            }
            Ok(Done::Later) | Err(Error::Fenced { .. }) => open.rest(),
            Err(error) if error.is_too_much() && open.shorten() => {}
            // One table holds up no other: it may be gone, or have other columns by now.
            Err(error) if error.sqlstate().is_some() => {
                let repository = &self.applier.repositories[usize::from(open.repository.0)].name;
                tracing::debug!(repository, %error, "a dirty range waits");
                open.rest();
            }
            Err(error) => return Err(error),
        }
        if !open.range.is_done {
            self.ranges.put_back(open);
        }
        Ok(())
    }

    /// Copies or compares the next chunk of a range, and moves the bound of the range.
    async fn attempt(&mut self, open: &mut Open) -> Result<Done, Error> {
        let repository = &self.applier.repositories[usize::from(open.repository.0)];
        let (source, target) = (self.applier.source(), self.applier.target());
        let free = tokio::try_join!(source.is_free(repository, false), target.is_free(repository, true))?;
        if free != (true, true) {
            return Ok(Done::Later);
        }
        let (here, there) = tokio::try_join!(source.copy_shape(repository), target.copy_shape(repository))?;
        open.copied = copied_columns(&here, &there);
        let low = open.range.low.as_ref().map(|low| low.get().to_owned());
        let (high, there) = self.bounds(open, repository, low.as_deref()).await?;
        let key = open.range.key.clone();
        let chunk = Chunk {
            repository,
            epoch: open.range.epoch,
            key: &key,
            low: low.as_deref(),
            high: high.as_deref(),
        };
        let done = match self.chunk(open, chunk, there).await {
            Err(error) if error.is_lock_timeout() => Done::Later,
            // The database refuses to read or to write the rows together: each by itself tells why.
            Err(error) if error.sqlstate().is_some() && !error.is_backend_failure() && !error.is_too_much() => {
                tracing::debug!(repository = repository.name, %error, "a chunk of a dirty range goes by entries");
                self.mark_all(open, chunk).await?
            }
            // A row that is too large by itself is parked by its entry.
            Ok(Done::TooMuch) if open.length == 1 => self.mark_all(open, chunk).await?,
            done => done?,
        };
        let Done::Copied { rows, copied } = done else {
            return Ok(done);
        };
        let end = ChunkEnd {
            rows,
            copied,
            tick: self.applied,
            before: self.acknowledged,
        };
        self.applier.source().end_chunk(self.token, chunk, end).await?;
        (self.acknowledged, self.durable) = (end.tick, end.tick);
        self.applier.shared.progress.applied(open.repository, copied);
        open.range.is_done = high.is_none();
        open.range.low = high.and_then(|high| serde_json::value::RawValue::from_string(high).ok());
        Ok(done)
    }

    /// The last key of the next chunk, `None` for the end of the table, and how many of its rows the target has, counted up to
    /// [`Open::few`]. The rows of the source say how far a chunk goes, unless the target has far more.
    async fn bounds(
        &self,
        open: &Open,
        repository: &Repository,
        low: Option<&str>,
    ) -> Result<(Option<String>, u64), Error> {
        let (source, target) = (self.applier.source(), self.applier.target());
        let high = source.key_ahead(repository, open.keys(low, None), open.length).await?;
        let range = open.keys(low, high.as_deref());
        if !open.is_alike {
            // The target's own order says nothing of the rows of the chunk. If the target has one of them, PostgreSQL refuses the copy.
            return Ok((high, 0));
        }
        let there = target.digest(repository, range, Some(open.few())).await?;
        let there = there.iter().map(|part| part.rows).sum();
        let near = if there < open.few() {
            None
        } else {
            target.key_ahead(repository, range, open.length * 2).await?
        };
        Ok((near.or(high), there))
    }

    /// Has each row of a chunk mirrored by itself.
    async fn mark_all(&self, open: &Open, chunk: Chunk<'_>) -> Result<Done, Error> {
        let sides = &self.applier.backends;
        let source = self.applier.source().backend();
        let keeper = self.keeper(open);
        let range = KeyRange {
            columns: chunk.key,
            ..open.keys(chunk.low, chunk.high)
        };
        let (rows, marks) = all_in(sides, chunk.repository, range, source, open.is_alike, |subject| {
            keeper.of(subject)
        })
        .await?;
        if keeper.is_unsaid() {
            return Ok(Done::Later);
        }
        mark_dirty(sides, chunk.repository, chunk.epoch, &marks).await?;
        Ok(Done::Copied { rows, copied: 0 })
    }

    fn keeper(&self, open: &Open) -> Keeper<'_> {
        Keeper {
            judge: &*self.applier.judge,
            repository: open.repository,
            epoch: open.range.epoch,
            is_unsaid: AtomicBool::new(false),
        }
    }

    /// Copies or compares the rows of a chunk, of which the target has so many.
    async fn chunk(&mut self, open: &Open, chunk: Chunk<'_>, there: u64) -> Result<Done, Error> {
        let (source, target) = (self.applier.source(), self.applier.target());
        let sides = &self.applier.backends;
        let range = open.keys(chunk.low, chunk.high);
        let Some(columns) = open.copied.as_deref().filter(|_| there < open.few()) else {
            let keeper = self.keeper(open);
            let (rows, marks) = differing_in(sides, chunk.repository, range, |subject| keeper.of(subject)).await?;
            if keeper.is_unsaid() {
                return Ok(Done::Later);
            }
            mark_dirty(sides, chunk.repository, chunk.epoch, &marks).await?;
            return Ok(Done::Copied {
                rows: rows[source.backend()],
                copied: 0,
            });
        };
        let present = if there == 0 {
            Vec::new()
        } else {
            target.rows_between(chunk.repository, range, &["0".to_owned()]).await?
        };
        let Some(lines) = source.copy_out(chunk, columns, MOST_BYTES).await? else {
            return Ok(Done::TooMuch);
        };
        let keys: HashSet<&str> = present.iter().map(|row| row.key.as_str()).collect();
        let (here, judge) = (source.backend(), &*self.applier.judge);
        let Ok(picked) = pick(&lines, &keys, judge, here, open.repository, &open.range) else {
            return Ok(Done::Later);
        };
        let mut marks = Marks::default();
        if !present.is_empty() {
            let keeper = self.keeper(open);
            let side = target.backend();
            let of = |subject: Option<&str>| keeper.of(subject);
            marks = differing_from(sides, chunk.repository, &open.compared, side, present, of).await?;
            if keeper.is_unsaid() {
                return Ok(Done::Later);
            }
        }
        let others = not_on_their_way(source, chunk.repository, &open.compared, picked.others).await?;
        marks[target.backend()].extend(others);
        mark_dirty(sides, chunk.repository, chunk.epoch, &marks).await?;
        if picked.number > 0 {
            // A crash of the source takes back nothing that is copied.
            source.persist().await?;
            let (tick, shown) = (self.applied + 1, self.durable);
            target
                .copy_in(self.token, chunk, columns, &picked.copied, tick, shown)
                .await?;
            (self.applied, self.shown) = (tick, shown);
        }
        Ok(Done::Copied {
            rows: picked.rows,
            copied: picked.number,
        })
    }
}

/// Says which side rows are copied from, and keeps in mind whether that was not known of some.
struct Keeper<'a> {
    judge: &'a dyn Judge,
    repository: RepositoryId,
    epoch: Epoch,
    is_unsaid: AtomicBool,
}

impl Keeper<'_> {
    fn of(&self, subject: Option<&str>) -> Option<Backend> {
        let keeper = self.judge.keeper(self.repository, self.epoch, subject);
        keeper.unwrap_or_else(|Unsaid| {
            self.is_unsaid.store(true, Relaxed);
            None
        })
    }

    fn is_unsaid(&self) -> bool {
        self.is_unsaid.load(Relaxed)
    }
}
