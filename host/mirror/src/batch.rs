use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::value::RawValue;
use turnout_backends::{Ack, Change, ChangedRows, DirtyKey, Diverged, Failed, NotApplied, Receipt, Settled, Taken};
use turnout_vocabulary::{ApplyFailure, Backend, MirrorState, Repository, RepositoryId, Retry};

use crate::judge::{Judge, Verdict};

/// Keys that were taken, and what is to become of them.
pub(crate) struct Batch<'a> {
    source: Backend,
    repositories: &'a [Repository],
    judge: &'a dyn Judge,
    parts: Vec<Part>,
    /// The place that more may lie after; `None` at the end of the table.
    pub(crate) next: Option<String>,
    /// The file that the places are in.
    pub(crate) file: i64,
    /// The snapshot that the first of the rows were read in.
    pub(crate) seen: String,
    /// The places of entries that are done with already.
    received: Vec<String>,
}

/// Those of one table.
struct Part {
    repository: RepositoryId,
    /// The table, by its number on the source.
    number: i16,
    /// The snapshot that the rows were read in.
    seen: String,
    keys: Vec<(Verdict, DirtyKey)>,
}

impl<'a> Batch<'a> {
    /// Judges keys, of so many entries at most. Those of tables that are not served are left alone.
    pub(crate) fn judged(
        source: Backend,
        repositories: &'a [Repository],
        judge: &'a dyn Judge,
        numbers: &[(i16, RepositoryId)],
        taken: Taken,
        size: u32,
    ) -> Self {
        let is_full = taken.entries() >= size as usize;
        let seen = taken.parts.first().map(|part| part.seen.clone());
        let parts = taken.parts.into_iter().filter_map(|part| {
            let (number, repository) = *numbers.iter().find(|(number, _)| *number == part.number)?;
            let judged = |key| (judge.verdict(source, repository, &key), key);
            Some(Part {
                repository,
                number,
                seen: part.seen,
                keys: part.keys.into_iter().map(judged).collect(),
            })
        });
        Self {
            source,
            repositories,
            judge,
            parts: parts.collect(),
            next: taken.place.filter(|_| is_full),
            file: taken.file,
            seen: seen.unwrap_or_default(),
            received: taken.received,
        }
    }

    /// What is to be made of the other side, with the tables in this order, parents first: rows go before others come, children
    /// before their parents.
    pub(crate) fn changes(&self, order: &[RepositoryId]) -> Vec<Change<'_>> {
        let gone = order
            .iter()
            .rev()
            .filter_map(|repository| self.change(*repository, Part::gone));
        let there = order
            .iter()
            .filter_map(|repository| self.change(*repository, Part::there));
        gone.chain(there).collect()
    }

    fn change<'s>(
        &'s self,
        repository: RepositoryId,
        rows: impl Fn(&'s Part) -> Option<ChangedRows<'s>>,
    ) -> Option<Change<'s>> {
        let part = self.parts.iter().find(|part| part.repository == repository)?;
        let served = &self.repositories[usize::from(repository.0)];
        Some(Change {
            schema: &served.schema,
            table: &served.name,
            seen: &part.seen,
            rows: rows(part)?,
        })
    }

    /// What to tell the source when all keys but some are applied.
    pub(crate) fn ack(&self, not_applied: &[NotApplied]) -> Ack {
        let failures: HashMap<(&str, &str, &str), &NotApplied> = not_applied
            .iter()
            .map(|failure| {
                (
                    (failure.schema.as_str(), failure.table.as_str(), failure.key.as_str()),
                    failure,
                )
            })
            .collect();
        let mut ack = Ack {
            entries: self.received.clone(),
            ..Ack::default()
        };
        for part in &self.parts {
            let served = &self.repositories[usize::from(part.repository.0)];
            let mut received = Vec::new();
            for (verdict, key) in &part.keys {
                let name = key.key.get();
                match verdict {
                    Verdict::Later => continue,
                    Verdict::Diverged(reason) => ack.diverged.push(Diverged {
                        repository: part.number,
                        key: name.to_owned(),
                        epoch: key.epoch,
                        reason,
                    }),
                    Verdict::Forget | Verdict::Mirror | Verdict::HandOver => {}
                }
                ack.entries.extend(key.entries.iter().cloned());
                if let Some(failure) = failures.get(&(served.schema.as_str(), served.name.as_str(), name)) {
                    ack.failed.push(self.failed(part, key, failure));
                    continue;
                }
                if verdict.gives_away(key) {
                    received.push(name.to_owned());
                }
                if key.held {
                    ack.settled.push(Settled {
                        repository: part.number,
                        key: name.to_owned(),
                    });
                }
            }
            if !received.is_empty() {
                ack.receipts.push(Receipt {
                    schema: served.schema.clone(),
                    table: served.name.clone(),
                    keys: received,
                    seen: part.seen.clone(),
                });
            }
        }
        ack
    }

    fn failed(&self, part: &Part, key: &DirtyKey, failure: &NotApplied) -> Failed {
        let retry = self.judge.retry(&ApplyFailure {
            repository: part.repository,
            source: self.source,
            sqlstate: failure.sqlstate.clone(),
            attempt: key.attempts + 1,
            age: key.age,
        });
        Failed {
            repository: part.number,
            key: key.key.get().to_owned(),
            subjects: key.subjects.clone(),
            transactions: key.transactions.clone(),
            epoch: key.epoch,
            behind: !key.own,
            sqlstate: failure.sqlstate.clone(),
            reason: reason(failure),
            due_ms: match retry {
                Retry::Again { after } => Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                Retry::Park => None,
            },
        }
    }

    /// Whether it has keys that were held: others of their transactions may be elsewhere.
    pub(crate) fn has_held(&self) -> bool {
        self.keys().any(|(_, key)| key.held)
    }

    /// Whether more may be taken before this is acknowledged. What is given away must not be taken once more until then, and what
    /// is held would be.
    pub(crate) fn may_be_read_past(&self) -> bool {
        !self.has_held() && !self.keys().any(|(verdict, key)| verdict.gives_away(key))
    }

    /// The transactions whose keys are over, as far as this batch has them all, with how they ended; none of those whose
    /// keys are to be tried again.
    pub(crate) fn over(&self, ack: &Ack) -> Vec<(i64, MirrorState)> {
        let failed: HashMap<(i16, &str), bool> = ack
            .failed
            .iter()
            .map(|failed| ((failed.repository, failed.key.as_str()), failed.due_ms.is_none()))
            .collect();
        let mut waiting = HashSet::new();
        let mut over: HashMap<i64, MirrorState> = HashMap::new();
        let keys = self
            .parts
            .iter()
            .flat_map(|part| part.keys.iter().map(|(verdict, key)| (part.number, verdict, key)));
        for (number, verdict, key) in keys {
            let parked = failed.get(&(number, key.key.get()));
            for transaction in &key.transactions {
                match (verdict, parked) {
                    (Verdict::Later, _) | (_, Some(false)) => {
                        waiting.insert(*transaction);
                    }
                    (_, Some(true)) => {
                        over.insert(*transaction, MirrorState::Parked);
                    }
                    (_, None) => {
                        over.entry(*transaction).or_insert(MirrorState::Done);
                    }
                }
            }
        }
        over.into_iter()
            .filter(|(transaction, _)| !waiting.contains(transaction))
            .collect()
    }

    /// How many rows of each repository were to be made equal.
    pub(crate) fn applied(&self) -> HashMap<RepositoryId, u64> {
        self.parts
            .iter()
            .map(|part| (part.repository, part.applying().count() as u64))
            .filter(|(_, rows)| *rows > 0)
            .collect()
    }

    fn keys(&self) -> impl Iterator<Item = &(Verdict, DirtyKey)> {
        self.parts.iter().flat_map(|part| &part.keys)
    }
}

impl Part {
    /// The keys whose rows are to be made equal.
    fn applying(&self) -> impl Iterator<Item = &(Verdict, DirtyKey)> {
        self.keys.iter().filter(|(verdict, _)| verdict.applies())
    }

    fn gone(&self) -> Option<ChangedRows<'_>> {
        let gone = self.applying().filter(|(_, key)| key.row.is_none());
        let gone: Vec<_> = gone.map(|(_, key)| &*key.key).collect();
        (!gone.is_empty()).then_some(ChangedRows::Gone { gone })
    }

    fn there(&self) -> Option<ChangedRows<'_>> {
        let (mut keys, mut rows, mut handed_over) = (Vec::new(), Vec::new(), Vec::new());
        for (verdict, key) in self.applying() {
            let Some(row) = &key.row else { continue };
            keys.push(&*key.key);
            rows.push(&**row);
            if verdict.gives_away(key) {
                handed_over.push(&*key.key);
            }
        }
        Some(ChangedRows::There {
            columns: columns(rows.first()?),
            keys,
            rows,
            handed_over,
        })
    }
}

impl Verdict {
    /// Whether the other side is made equal.
    fn applies(self) -> bool {
        matches!(self, Self::Mirror | Self::HandOver)
    }

    /// Whether the key may change on the other side as soon as it is applied: its authority may be another than this host knows
    /// of if the subject is another, and what is gone may be inserted by anybody.
    fn gives_away(self, key: &DirtyKey) -> bool {
        self.applies() && (self == Self::HandOver || key.subjects.len() > 1 || key.row.is_none())
    }
}

/// The names in a row, which is a JSON object.
fn columns(row: &RawValue) -> Vec<String> {
    let names: serde_json::Result<BTreeMap<String, &RawValue>> = serde_json::from_str(row.get());
    names.unwrap_or_default().into_keys().collect()
}

/// Why a key could not be applied, in words without values.
fn reason(failure: &NotApplied) -> String {
    if failure.constraint.is_empty() {
        format!("table {}: SQLSTATE {}", failure.table, failure.sqlstate)
    } else {
        format!("table {}: constraint {}", failure.table, failure.constraint)
    }
}
