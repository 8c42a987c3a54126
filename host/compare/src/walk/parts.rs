use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::time::Instant;

use turnout_backends::{ComparedRow, Error, KeyRange};
use turnout_vocabulary::{Backend, PerBackend};

use super::{Sample, Step, Table};
use crate::Digest;
use crate::pace::Pace;

/// How many rows a part should have.
const ROWS_IN_A_PART: u64 = 500;

/// How many rows of differing parts are paired in one scan. Each takes some hundred bytes.
const ROWS_AT_ONCE: u64 = 50_000;

/// A walk by parts: rows fall into parts by a hash of their keys. Sides that order keys differently are each gone through in their own
/// order, once for the digests, and again for the rows of the parts that differ.
pub(super) struct Parts {
    /// The columns of the key on each side, in the order of the index.
    keys: PerBackend<Vec<String>>,
    /// How many parts there are.
    number: u32,
    state: State,
}

enum State {
    /// Nothing is compared yet.
    New,
    /// Groups of parts that differ. The rows of a group are paired in one scan.
    Differing(VecDeque<Vec<String>>),
    /// This side alone has rows. Those up to this key were gone through.
    OneSided(Backend, Option<String>),
    Over,
}

type Digests = HashMap<u32, Digest>;

impl Parts {
    pub(super) fn new(keys: PerBackend<Vec<String>>, rows: u64) -> Self {
        Self {
            keys,
            number: u32::try_from(rows / ROWS_IN_A_PART + 1).unwrap_or(u32::MAX),
            state: State::New,
        }
    }

    pub(super) async fn step(
        &mut self,
        table: Table<'_>,
        pace: &mut Pace,
        sample: Sample,
    ) -> Result<Option<Step>, Error> {
        match &mut self.state {
            State::New => {
                let (step, next) = self.compare_digests(table, pace, sample).await?;
                self.state = next;
                Ok(Some(step))
            }
            State::Differing(groups) => {
                let Some(group) = groups.pop_front() else {
                    return Ok(None);
                };
                let (old, new) = tokio::try_join!(
                    self.rows(table, Backend::Old, pace.clone(), &group),
                    self.rows(table, Backend::New, pace.clone(), &group)
                )?;
                Ok(Some(Step::of(PerBackend { old, new })))
            }
            State::OneSided(backend, low) => {
                let (backend, low) = (*backend, low.take());
                let scan = Scan {
                    table,
                    backend,
                    key: &self.keys[backend],
                    parts: 1,
                };
                let (last, rows) = scan.rows(low.as_deref(), pace, &["0".to_owned()]).await?;
                self.state = match last {
                    Some(last) => State::OneSided(backend, Some(last)),
                    None => State::Over,
                };
                let mut sides = PerBackend::default();
                sides[backend] = rows;
                Ok(Some(Step::of(sides)))
            }
            State::Over => Ok(None),
        }
    }

    /// Scans both sides for their digests: the rows that are equal, and what comes next.
    async fn compare_digests(&self, table: Table<'_>, pace: &Pace, sample: Sample) -> Result<(Step, State), Error> {
        let (old, mut new) = tokio::try_join!(
            self.digests(table, Backend::Old, pace.clone()),
            self.digests(table, Backend::New, pace.clone())
        )?;
        let mut step = Step::default();
        if old.is_empty() != new.is_empty() {
            let backend = if old.is_empty() { Backend::New } else { Backend::Old };
            return Ok((step, State::OneSided(backend, None)));
        }
        let mut differing = Vec::new();
        for (part, digest) in old {
            if !sample.takes_one() {
                new.remove(&part);
                continue;
            }
            match new.remove(&part) {
                Some(other) if other == digest => step.equal.add(&digest),
                other => differing.push((part, digest.rows.max(other.map_or(0, |other| other.rows)))),
            }
        }
        differing.extend(new.into_iter().map(|(part, digest)| (part, digest.rows)));
        Ok((step, State::Differing(groups(differing))))
    }

    /// The digests of one side, by part.
    async fn digests(&self, table: Table<'_>, backend: Backend, mut pace: Pace) -> Result<Digests, Error> {
        let scan = self.scan(table, backend);
        let mut digests = Digests::new();
        let mut low: Option<String> = None;
        loop {
            let (last, parts) = scan.digest(low.as_deref(), &mut pace).await?;
            for (part, digest) in parts {
                digests.entry(part).or_default().add(&digest);
                table.progress.add(backend, digest.rows);
            }
            if last.is_none() {
                return Ok(digests);
            }
            low = last;
        }
    }

    /// The rows of one side that fall into these parts.
    async fn rows(
        &self,
        table: Table<'_>,
        backend: Backend,
        mut pace: Pace,
        chosen: &[String],
    ) -> Result<Vec<ComparedRow>, Error> {
        let scan = self.scan(table, backend);
        let mut rows = Vec::new();
        let mut low: Option<String> = None;
        loop {
            let (last, more) = scan.rows(low.as_deref(), &mut pace, chosen).await?;
            rows.extend(more);
            if last.is_none() {
                return Ok(rows);
            }
            low = last;
        }
    }

    fn scan<'s>(&'s self, table: Table<'s>, backend: Backend) -> Scan<'s> {
        Scan {
            table,
            backend,
            key: &self.keys[backend],
            parts: self.number,
        }
    }
}

/// A full scan of one side in the order of its key.
struct Scan<'a> {
    table: Table<'a>,
    backend: Backend,
    key: &'a [String],
    parts: u32,
}

impl Scan<'_> {
    /// The digests of the next rows after a key, by part, and the last key; no key at the end of the table.
    async fn digest(&self, low: Option<&str>, pace: &mut Pace) -> Result<(Option<String>, Vec<(u32, Digest)>), Error> {
        let Table { sides, repository, .. } = self.table;
        loop {
            let began = Instant::now();
            let attempt = async {
                let last = self.end_of_range(low, pace.length()).await?;
                let range = self.range(low, last.as_deref());
                let parts = sides[self.backend].digest(repository, range, None).await?;
                Ok((last, parts))
            };
            match attempt.await {
                Ok((last, parts)) => {
                    pace.rest(began.elapsed()).await;
                    let parts = parts.into_iter().map(|part| (part.part, Digest::from(part)));
                    return Ok((last, parts.collect()));
                }
                // The range was too much for one statement.
                Err(error) if Error::is_canceled(&error) && pace.shorten() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Those of the next rows after a key that fall into these parts, and the last key; no key at the end of the table.
    async fn rows(
        &self,
        low: Option<&str>,
        pace: &mut Pace,
        chosen: &[String],
    ) -> Result<(Option<String>, Vec<ComparedRow>), Error> {
        let Table { sides, repository, .. } = self.table;
        loop {
            let began = Instant::now();
            let attempt = async {
                let last = self.end_of_range(low, pace.length()).await?;
                let range = self.range(low, last.as_deref());
                let rows = sides[self.backend].rows_between(repository, range, chosen).await?;
                Ok((last, rows))
            };
            match attempt.await {
                Ok(found) => {
                    pace.rest(began.elapsed()).await;
                    return Ok(found);
                }
                Err(error) if Error::is_canceled(&error) && pace.shorten() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The last key of the next so many rows after a key; none at the end of the table.
    async fn end_of_range(&self, low: Option<&str>, length: u64) -> Result<Option<String>, Error> {
        let Table { sides, repository, .. } = self.table;
        sides[self.backend]
            .key_ahead(repository, self.range(low, None), length)
            .await
    }

    fn range<'r>(&'r self, low: Option<&'r str>, high: Option<&'r str>) -> KeyRange<'r> {
        KeyRange {
            columns: self.table.columns,
            key: self.key,
            low,
            high,
            parts: self.parts,
        }
    }
}

/// Parts in groups whose rows can be paired at once.
fn groups(parts: Vec<(u32, u64)>) -> VecDeque<Vec<String>> {
    let mut groups = VecDeque::new();
    let (mut group, mut rows) = (Vec::new(), 0);
    for (part, more) in parts {
        if rows + more > ROWS_AT_ONCE && !group.is_empty() {
            groups.push_back(take(&mut group));
            rows = 0;
        }
        group.push(part.to_string());
        rows += more;
    }
    if !group.is_empty() {
        groups.push_back(group);
    }
    groups
}
