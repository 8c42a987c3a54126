use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::value::RawValue;
use turnout_backends::{
    Ack, ChangedRows, DirtyKey, Diverged, Failed, NotApplied, Receipt, Resolved, TableChange, Taken,
};
use turnout_vocabulary::{ApplyFailure, Backend, MirrorState, Repository, RepositoryId, Retry};

use crate::applier::Numbers;
use crate::judge::{Judge, Verdict};

/// A batch: dirty keys that were taken, each with what is to become of it.
pub(crate) struct Batch<'a> {
    source: Backend,
    repositories: &'a [Repository],
    judge: &'a dyn Judge,
    parts: Vec<Part>,
    /// The place after which more entries may lie; `None` at the end of the table.
    pub(crate) next: Option<String>,
    /// The file of the table of dirty keys. Places are places in this file.
    pub(crate) file: i64,
    /// A snapshot from before the entries of the batch were looked at.
    pub(crate) seen: String,
    /// Whether entries before `next` were left for a later batch.
    pub(crate) leaves_some: bool,
    /// The tables that can't be read now, each with its number on the source and the reason.
    pub(crate) stopped: Vec<(RepositoryId, i16, String)>,
    /// The places of entries that a note covers: the target has received their keys already.
    received: Vec<String>,
}

/// The keys of one table.
struct Part {
    repository: RepositoryId,
    /// The table, by its number on the source.
    number: i16,
    /// The snapshot that the rows were read in.
    seen: String,
    keys: Vec<(Verdict, DirtyKey)>,
}

/// What is to become of a key. If no entry names the subject of the row, the row came here without leaving an entry: it is the copy of a
/// row of the other side, and the row that the entries are about is gone. Unless a later entry names that subject: then nobody can say yet.
fn judged(judge: &dyn Judge, source: Backend, repository: RepositoryId, mut key: DirtyKey) -> (Verdict, DirtyKey) {
    if key.row.is_some() && !key.subjects.contains(&key.whose) {
        if judge.is_authority(source, repository, &key, key.whose.as_deref()) {
            key.subjects.push(key.whose.clone());
        } else if key.is_named_later {
            return (Verdict::Later, key);
        } else {
            key.row = None;
            key.is_replaced = true;
        }
    }
    (judge.verdict(source, repository, &key), key)
}

impl<'a> Batch<'a> {
    /// Judges the keys of a take of at most `size` entries. Keys of tables that this host does not serve are left alone.
    pub(crate) fn judged(
        source: Backend,
        repositories: &'a [Repository],
        judge: &'a dyn Judge,
        numbers: &Numbers,
        taken: Taken,
        size: u32,
    ) -> Self {
        let is_full = taken.looked_at >= size as usize;
        let leaves_some = taken.leaves_some();
        let served = |wanted: i16| {
            let mut numbers = numbers.iter();
            numbers.find(|(number, _)| *number == wanted)?.1
        };
        let stopped = taken
            .stopped
            .into_iter()
            .filter_map(|stopped| Some((served(stopped.number)?, stopped.number, stopped.reason)));
        let stopped = stopped.collect();
        let parts = taken.parts.into_iter().filter_map(|part| {
            let repository = served(part.number)?;
            let judged = |key| judged(judge, source, repository, key);
            Some(Part {
                repository,
                number: part.number,
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
            seen: taken.seen,
            leaves_some,
            stopped,
            received: taken.received,
        }
    }

    /// The changes to make on the target. `order` has parents first. Rows are removed before others are put; children are removed before
    /// their parents, and put after them.
    pub(crate) fn changes(&self, order: &[RepositoryId]) -> Vec<TableChange<'_>> {
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
        rows: impl Fn(&'s Part, &Self) -> Option<ChangedRows<'s>>,
    ) -> Option<TableChange<'s>> {
        let part = self.parts.iter().find(|part| part.repository == repository)?;
        let served = &self.repositories[usize::from(repository.0)];
        Some(TableChange {
            schema: &served.schema,
            table: &served.table,
            seen: &part.seen,
            rows: rows(part, self)?,
        })
    }

    /// The subjects that the row of a key may have on the target, if the apply is to replace or remove that row. A row of a subject
    /// whose authority is the target is the target's own row, even if the key is handed over to that subject.
    fn may_be_there<'s>(&self, part: &Part, verdict: Verdict, key: &'s DirtyKey) -> Vec<&'s Option<String>> {
        let subjects = key.subjects.iter();
        subjects
            .filter(|subject| verdict == Verdict::Mirror || self.is_authority(part, key, subject.as_deref()))
            .collect()
    }

    fn is_authority(&self, part: &Part, key: &DirtyKey, subject: Option<&str>) -> bool {
        self.judge.is_authority(self.source, part.repository, key, subject)
    }

    /// The only key of the batch, as a key that could not be applied for this reason; `None` if the batch has other keys.
    pub(crate) fn only_key(&self, sqlstate: &str) -> Option<NotApplied> {
        let [part] = &*self.parts else { return None };
        let [(_, key)] = &*part.keys else { return None };
        let served = &self.repositories[usize::from(part.repository.0)];
        Some(NotApplied {
            schema: served.schema.clone(),
            table: served.table.clone(),
            key: key.key.get().to_owned(),
            sqlstate: sqlstate.to_owned(),
            reason: format!("SQLSTATE {sqlstate}"),
            is_written: false,
        })
    }

    /// The tables, by their numbers on the source, that are locked as a whole on the target or could not be read on the source.
    pub(crate) fn locked(&self, not_applied: &[NotApplied]) -> Vec<i16> {
        let is_locked = |part: &&Part| {
            let served = &self.repositories[usize::from(part.repository.0)];
            not_applied.iter().any(|failure| {
                failure.reason == NotApplied::LOCKED && failure.schema == served.schema && failure.table == served.table
            })
        };
        let there = self.parts.iter().filter(is_locked).map(|part| part.number);
        there.chain(self.stopped.iter().map(|(_, number, _)| *number)).collect()
    }

    /// The acknowledgement for the source when all keys but `not_applied` are applied.
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
                        reason: (*reason).to_owned(),
                    }),
                    Verdict::Forget | Verdict::Mirror | Verdict::HandOver => {}
                }
                ack.entries.extend(key.entries.iter().cloned());
                let failure = failures.get(&(served.schema.as_str(), served.table.as_str(), name));
                // If the row of another subject has taken the row's place on both sides, nothing is left to do.
                let is_over = |failure: &&&NotApplied| key.is_replaced && failure.sqlstate == NotApplied::ANOTHERS;
                let failure = failure.filter(|failure| !is_over(failure)).copied();
                match failure {
                    // The row is on the target and may change there. To apply it again would put an older row over a newer one.
                    Some(failure) if failure.is_written && verdict.gives_away(key) => ack.diverged.push(Diverged {
                        repository: part.number,
                        key: name.to_owned(),
                        epoch: key.epoch,
                        reason: reason(failure),
                    }),
                    Some(failure) => {
                        ack.failed.push(self.failed(part, key, failure));
                        continue;
                    }
                    None if key.too_large && verdict.applies() => {
                        self.judge.parked(&self.told(part, key, NotApplied::TOO_LARGE));
                        ack.failed.push(too_large(part, key));
                        continue;
                    }
                    None => {}
                }
                if verdict.gives_away(key) {
                    received.push(name.to_owned());
                }
                if key.held {
                    ack.resolved.push(Resolved {
                        repository: part.number,
                        key: name.to_owned(),
                    });
                }
            }
            if !received.is_empty() {
                ack.receipts.push(Receipt {
                    schema: served.schema.clone(),
                    table: served.table.clone(),
                    keys: received,
                    seen: part.seen.clone(),
                });
            }
        }
        ack
    }

    /// A failed apply, as the judge hears of it.
    fn told(&self, part: &Part, key: &DirtyKey, sqlstate: &str) -> ApplyFailure {
        ApplyFailure {
            repository: part.repository,
            source: self.source,
            sqlstate: sqlstate.to_owned(),
            attempt: key.attempts + 1,
            age: key.age,
        }
    }

    fn failed(&self, part: &Part, key: &DirtyKey, failure: &NotApplied) -> Failed {
        let told = self.told(part, key, &failure.sqlstate);
        // Only a person can mend these two.
        let retry = if [NotApplied::ANOTHERS, NotApplied::OTHERWISE].contains(&failure.sqlstate.as_str()) {
            Retry::Park
        } else {
            self.judge.retry(&told)
        };
        if matches!(retry, Retry::Park) {
            self.judge.parked(&told);
        }
        let due_ms = match retry {
            Retry::Again { after } => Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            Retry::Park => None,
        };
        part.failed(key, &failure.sqlstate, reason(failure), due_ms)
    }

    /// Whether the batch has held keys. Other keys of their transactions may be in other batches.
    pub(crate) fn has_held(&self) -> bool {
        self.keys().any(|(_, key)| key.held)
    }

    /// Whether the next batch may be taken before this one is acknowledged. A key that is given away must not be taken again before its
    /// acknowledgement. A held key would be taken again.
    pub(crate) fn may_be_read_past(&self) -> bool {
        !self.has_held() && !self.keys().any(|(verdict, key)| verdict.gives_away(key))
    }

    /// The transactions of which every key in this batch is done with, each with how that ended. A transaction with a key that is to be
    /// tried again is not among them. Whether the batch has all keys of a transaction is for the caller to know.
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

    /// How many rows of each repository the batch made equal.
    pub(crate) fn applied(&self, not_applied: &[NotApplied]) -> HashMap<RepositoryId, u64> {
        let rows = |part: &Part| {
            let served = &self.repositories[usize::from(part.repository.0)];
            let is_here = |failure: &&NotApplied| failure.schema == served.schema && failure.table == served.table;
            let failed = not_applied.iter().filter(is_here).count();
            part.applying().count().saturating_sub(failed) as u64
        };
        self.parts
            .iter()
            .map(|part| (part.repository, rows(part)))
            .filter(|(_, rows)| *rows > 0)
            .collect()
    }

    fn keys(&self) -> impl Iterator<Item = &(Verdict, DirtyKey)> {
        self.parts.iter().flat_map(|part| &part.keys)
    }
}

impl Part {
    /// The keys whose rows are made equal on the target.
    fn applying(&self) -> impl Iterator<Item = &(Verdict, DirtyKey)> {
        let keys = self.keys.iter();
        keys.filter(|(verdict, key)| verdict.applies() && !key.too_large)
    }

    fn failed(&self, key: &DirtyKey, sqlstate: &str, reason: String, due_ms: Option<u64>) -> Failed {
        Failed {
            repository: self.number,
            key: key.key.get().to_owned(),
            subjects: key.subjects.clone(),
            transactions: key.transactions.clone(),
            epoch: key.epoch,
            behind: !key.own,
            sqlstate: sqlstate.to_owned(),
            reason,
            due_ms,
        }
    }

    fn gone<'s>(&'s self, of: &Batch<'_>) -> Option<ChangedRows<'s>> {
        let gone = self.applying().filter(|(_, key)| key.row.is_none());
        let (gone, subjects): (Vec<_>, Vec<_>) = gone
            .map(|(verdict, key)| (&*key.key, of.may_be_there(self, *verdict, key)))
            .unzip();
        (!gone.is_empty()).then_some(ChangedRows::Gone { gone, subjects })
    }

    fn there<'s>(&'s self, of: &Batch<'_>) -> Option<ChangedRows<'s>> {
        let (mut keys, mut rows, mut handed_over, mut arriving) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut subjects = Vec::new();
        for (verdict, key) in self.applying() {
            let Some(row) = &key.row else { continue };
            keys.push(&*key.key);
            rows.push(&**row);
            let is_handed_over = *verdict == Verdict::HandOver;
            subjects.push((is_handed_over || key.subjects.len() > 1).then(|| of.may_be_there(self, *verdict, key)));
            if verdict.gives_away(key) {
                handed_over.push(&*key.key);
            }
            if is_handed_over && !of.is_authority(self, key, key.whose.as_deref()) {
                arriving.push((&*key.key, &key.whose));
            }
        }
        Some(ChangedRows::There {
            columns: columns(rows.first()?),
            subjects: subjects.iter().any(Option::is_some).then_some(subjects),
            keys,
            rows,
            handed_over,
            arriving,
        })
    }
}

impl Verdict {
    /// Whether the row is made equal on the target.
    fn applies(self) -> bool {
        matches!(self, Self::Mirror | Self::HandOver)
    }

    /// Whether the row may change on the target as soon as the key is applied. If the subject changed, the authority may be another one
    /// than this host knows of. If the row is gone, anybody may insert it.
    fn gives_away(self, key: &DirtyKey) -> bool {
        self.applies() && !key.too_large && (self == Self::HandOver || key.subjects.len() > 1 || key.row.is_none())
    }
}

/// The names of the columns of a row, which is a JSON object.
fn columns(row: &RawValue) -> Vec<String> {
    let names: serde_json::Result<BTreeMap<String, &RawValue>> = serde_json::from_str(row.get());
    names.unwrap_or_default().into_keys().collect()
}

/// Why a key could not be applied, in words without values.
fn reason(failure: &NotApplied) -> String {
    format!("table {}: {}", failure.table, failure.reason)
}

/// Parks a key whose row was not read because of its size.
fn too_large(part: &Part, key: &DirtyKey) -> Failed {
    let reason = "the row is larger than 100 MB, and can't be mirrored".to_owned();
    part.failed(key, NotApplied::TOO_LARGE, reason, None)
}
