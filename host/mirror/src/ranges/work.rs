use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::time::Instant;
use turnout_backends::{Chunk, ChunkEnd, Error};
use turnout_compare::{Marks, all_in, differing_from, differing_in, mark_dirty};
use turnout_vocabulary::{Backend, Epoch, Repository, RepositoryId};

use super::Open;
use super::rows::pick;
use crate::applier::Work;
use crate::judge::{Judge, Unsaid};

/// How many bytes of rows a chunk has at most: what the applier keeps of it in memory.
const MOST_BYTES: usize = 16 << 20;

/// What became of a chunk.
enum Done {
    /// So many of its rows were copied.
    Copied { rows: u64, copied: u64 },
    /// Those of its rows that differ, or could not be copied, have entries of their own.
    Marked { rows: u64 },
    /// It was too much for one statement.
    TooMuch,
    /// Its epoch is over, or nobody can say yet whose its rows are.
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
        let repository = &self.applier.repositories[usize::from(open.repository.0)];
        let low = open.range.low.as_ref().map(|low| low.get().to_owned());
        let (high, there) = match self.bounds(&open, repository, low.as_deref()).await {
            Err(error) if error.is_too_much() && open.shorten() => {
                self.ranges.put_back(open);
                return Ok(());
            }
            bounds => bounds?,
        };
        let key = open.range.key.clone();
        let chunk = Chunk {
            repository,
            epoch: open.range.epoch,
            key: &key,
            low: low.as_deref(),
            high: high.as_deref(),
        };
        let done = match self.chunk(&open, chunk, there).await {
            Err(error) if error.is_too_much() && open.length > 1 => Ok(Done::TooMuch),
            // The database refuses to read or to write the rows together: each by itself tells why.
            Err(error) if error.sqlstate().is_some() && !error.is_backend_failure() => {
                tracing::debug!(repository = repository.name, %error, "a chunk of a dirty range goes by entries");
                self.mark_all(&open, chunk).await
            }
            // A row that is too large by itself is parked by its entry.
            Ok(Done::TooMuch) if open.length == 1 => self.mark_all(&open, chunk).await,
            done => done,
        };
        let done = match done {
            Err(Error::Fenced { .. }) => Done::Later,
            Err(error) if error.is_too_much() => Done::TooMuch,
            done => done?,
        };
        let mut end = ChunkEnd {
            tick: self.applied,
            before: self.acknowledged,
            ..ChunkEnd::default()
        };
        match done {
            Done::Later => {
                open.rest();
                self.ranges.put_back(open);
                return Ok(());
            }
            Done::TooMuch => {
                if !open.shorten() {
                    open.rest();
                }
                self.ranges.put_back(open);
                return Ok(());
            }
            Done::Marked { rows } => end.rows = rows,
            Done::Copied { rows, copied } => (end.rows, end.copied) = (rows, copied),
        }
        self.applier.source().end_chunk(self.token, chunk, end).await?;
        self.acknowledged = end.tick;
        self.durable = end.tick;
        let shared = &self.applier.shared;
        shared.progress.applied(open.repository, end.copied);
        if high.is_some() {
            open.took(began.elapsed());
            open.range.low = high.and_then(|high| serde_json::value::RawValue::from_string(high).ok());
            self.ranges.put_back(open);
        }
        Ok(())
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
        let range = open.keys(chunk.low, chunk.high);
        let (rows, marks) = all_in(sides, chunk.repository, range, source, |subject| keeper.of(subject)).await?;
        if keeper.is_unsaid() {
            return Ok(Done::Later);
        }
        mark_dirty(sides, chunk.repository, chunk.epoch, &marks).await?;
        Ok(Done::Marked { rows })
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
            return Ok(Done::Marked {
                rows: rows[source.backend()],
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
        marks[target.backend()].extend(picked.others);
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
