use std::time::Instant;

use turnout_backends::{Error, KeyRange, PartDigest};
use turnout_vocabulary::{Backend, PerBackend};

use super::{Place, Sample, Step, Table};
use crate::Digest;
use crate::pace::Pace;

/// How many rows a range of a sample has at most.
const SAMPLED: u64 = 500;

/// A walk by ranges of keys, which both sides order alike.
pub(super) struct Ranges {
    /// The columns of the key, in the order of the index.
    key: Vec<String>,
    /// The last key that was compared.
    low: Option<String>,
    /// The last key of the next range, looked up while the range before was compared.
    ahead: Option<Ahead>,
    is_over: bool,
}

/// The end of a range; `None` is the end of the table on `old`.
struct Ahead(Option<String>);

impl Ranges {
    pub(super) fn from(key: Vec<String>, place: Option<Place>) -> Self {
        Self {
            key,
            low: place.map(|place| place.low),
            ahead: None,
            is_over: false,
        }
    }

    pub(super) async fn step(
        &mut self,
        table: Table<'_>,
        pace: &mut Pace,
        sample: Sample,
    ) -> Result<Option<Step>, Error> {
        while !self.is_over {
            let began = Instant::now();
            // A sample is made of many short ranges.
            let length = if sample.is_all() {
                pace.length()
            } else {
                pace.length().min(SAMPLED)
            };
            if !sample.takes_one() {
                self.pass_over(table, length).await?;
                continue;
            }
            match self.attempt(table, length).await {
                Ok(step) => {
                    pace.rest(began.elapsed()).await;
                    return Ok(Some(step));
                }
                // The range was too much for one statement.
                Err(error) if error.is_canceled() && pace.shorten() => self.ahead = None,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Passes over the next range.
    async fn pass_over(&mut self, table: Table<'_>, length: u64) -> Result<(), Error> {
        let high = self.end_of_range(&table, length).await?;
        self.is_over = high.is_none();
        self.low = high.or(self.low.take());
        for backend in Backend::ALL {
            table.progress.add(backend, length);
        }
        Ok(())
    }

    /// The last key of the next range; `None` at the end of the table. The rows of `old` say how far a range goes.
    async fn end_of_range(&mut self, table: &Table<'_>, length: u64) -> Result<Option<String>, Error> {
        if let Some(Ahead(high)) = self.ahead.take() {
            return Ok(high);
        }
        let rest = self.range(table, self.low.as_deref(), None);
        table.sides.old.key_ahead(table.repository, rest, length).await
    }

    /// Compares the next range.
    async fn attempt(&mut self, table: Table<'_>, length: u64) -> Result<Step, Error> {
        let Table { sides, repository, .. } = table;
        let low = self.low.as_deref().map(str::to_owned);
        let mut high = self.end_of_range(&table, length).await?;
        let range = self.range(&table, low.as_deref(), high.as_deref());
        let too_many = length * 2;
        let next = async {
            match &high {
                Some(high) => {
                    let rest = self.range(&table, Some(high), None);
                    sides.old.key_ahead(repository, rest, length).await.map(Some)
                }
                None => Ok(None),
            }
        };
        let (old, new, next) = tokio::try_join!(
            sides.old.digest(repository, range, None),
            sides.new.digest(repository, range, Some(too_many)),
            next
        )?;
        let mut digests = PerBackend { old, new }.map(|parts| digest_of(&parts));
        let mut next = next.map(Ahead);
        if digests.new.rows >= too_many
            && let Some(near) = sides.new.key_ahead(repository, range, too_many).await?
        {
            // Rows that `new` alone has, far more than there should be, are ranges of their own.
            let shorter = self.range(&table, low.as_deref(), Some(&near));
            let (old, new) = tokio::try_join!(
                sides.old.digest(repository, shorter, None),
                sides.new.digest(repository, shorter, None)
            )?;
            digests = PerBackend { old, new }.map(|parts| digest_of(&parts));
            next = Some(Ahead(high.replace(near)));
        }
        let step = self.judge(&table, high.as_deref(), digests).await?;
        self.is_over = high.is_none();
        self.ahead = next;
        self.low = high.or(low);
        Ok(Step {
            place: self.low.clone().map(|low| Place { low }),
            ..step
        })
    }

    /// Pairs the rows of the range up to a key if the digests differ.
    async fn judge(
        &self,
        table: &Table<'_>,
        high: Option<&str>,
        PerBackend { old, new }: PerBackend<Digest>,
    ) -> Result<Step, Error> {
        let step = if old == new {
            Step {
                equal: old,
                ..Step::default()
            }
        } else {
            let range = self.range(table, self.low.as_deref(), high);
            let chosen = ["0".to_owned()];
            let (old, new) = tokio::try_join!(
                table.sides.old.rows_between(table.repository, range, &chosen),
                table.sides.new.rows_between(table.repository, range, &chosen)
            )?;
            Step::of(PerBackend { old, new })
        };
        for (backend, digest) in [(Backend::Old, old), (Backend::New, new)] {
            table.progress.add(backend, digest.rows);
        }
        Ok(step)
    }

    fn range<'r>(&'r self, table: &Table<'r>, low: Option<&'r str>, high: Option<&'r str>) -> KeyRange<'r> {
        KeyRange {
            columns: table.columns,
            key: &self.key,
            low,
            high,
            parts: 1,
        }
    }
}

/// The digest of all parts together.
pub(crate) fn digest_of(parts: &[PartDigest]) -> Digest {
    let mut all = Digest::default();
    for part in parts {
        all.add(&Digest::from(*part));
    }
    all
}
