use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::value::RawValue;
use turnout_backends::{Ack, Change, DirtyKey, Diverged, Failed, NotApplied, Receipt, Settled, Taken};
use turnout_vocabulary::{ApplyFailure, Backend, MirrorState, Repository, RepositoryId, Retry};

use crate::judge::{Judge, Verdict};

/// Keys that were taken, and what is to become of them.
pub(crate) struct Batch<'a> {
    source: Backend,
    repositories: &'a [Repository],
    judge: &'a dyn Judge,
    keys: Vec<(RepositoryId, Verdict, DirtyKey)>,
    seen: HashMap<i16, String>,
    /// The place that more may lie after; `None` at the end of the table.
    pub(crate) next: Option<String>,
    /// The file that the places are in.
    pub(crate) file: i64,
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
        let keys = taken.keys.into_iter().filter_map(|key| {
            let (_, repository) = numbers.iter().find(|(number, _)| *number == key.number)?;
            Some((*repository, judge.verdict(source, *repository, &key), key))
        });
        Self {
            source,
            repositories,
            judge,
            keys: keys.collect(),
            seen: taken.seen,
            next: taken.place.filter(|_| is_full),
            file: taken.file,
        }
    }

    /// What is to be made of the other side, table by table in this order. A key or a row that is no JSON is left out: the
    /// database makes none.
    pub(crate) fn changes(&self, order: &[RepositoryId]) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        for repository in order {
            let served = &self.repositories[usize::from(repository.0)];
            let mut change = Change {
                schema: &served.schema,
                table: &served.name,
                gone: Vec::new(),
                keys: Vec::new(),
                rows: Vec::new(),
                columns: Vec::new(),
                handed_over: Vec::new(),
                seen: "",
            };
            for (_, verdict, key) in self
                .keys
                .iter()
                .filter(|(of, verdict, _)| of == repository && verdict.applies())
            {
                change.seen = self.seen(key);
                let Ok(name) = serde_json::from_str::<&RawValue>(&key.key) else {
                    continue;
                };
                match key.row.as_deref().map(serde_json::from_str) {
                    None => change.gone.push(name),
                    Some(Ok(row)) => {
                        change.keys.push(name);
                        change.rows.push(row);
                        if verdict.gives_away(key) {
                            change.handed_over.push(name);
                        }
                    }
                    Some(Err(_)) => {}
                }
            }
            change.columns = change.rows.first().map_or_else(Vec::new, |row| columns(row));
            if !change.gone.is_empty() || !change.rows.is_empty() {
                changes.push(change);
            }
        }
        changes
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
        let mut ack = Ack::default();
        let mut receipts: HashMap<RepositoryId, Receipt> = HashMap::new();
        for (repository, verdict, key) in &self.keys {
            match verdict {
                Verdict::Later => continue,
                Verdict::Diverged(reason) => ack.diverged.push(Diverged {
                    repository: key.number,
                    key: key.key.clone(),
                    epoch: key.epoch,
                    reason,
                }),
                Verdict::Forget | Verdict::Mirror | Verdict::HandOver => {}
            }
            ack.entries.extend(key.entries.iter().cloned());
            let served = &self.repositories[usize::from(repository.0)];
            let failure = failures.get(&(served.schema.as_str(), served.name.as_str(), key.key.as_str()));
            if failure.is_none() && verdict.gives_away(key) {
                let receipt = receipts.entry(*repository).or_insert_with(|| Receipt {
                    schema: served.schema.clone(),
                    table: served.name.clone(),
                    keys: Vec::new(),
                    seen: self.seen(key).to_owned(),
                });
                receipt.keys.push(key.key.clone());
            }
            match failure {
                Some(failure) => ack.failed.push(self.failed(*repository, key, failure)),
                None if key.held => ack.settled.push(Settled {
                    repository: key.number,
                    key: key.key.clone(),
                }),
                None => {}
            }
        }
        ack.receipts = receipts.into_values().collect();
        ack
    }

    /// The snapshot that the row of a key was read in.
    fn seen(&self, key: &DirtyKey) -> &str {
        self.seen.get(&key.number).map_or("", String::as_str)
    }

    fn failed(&self, repository: RepositoryId, key: &DirtyKey, failure: &NotApplied) -> Failed {
        let retry = self.judge.retry(&ApplyFailure {
            repository,
            source: self.source,
            sqlstate: failure.sqlstate.clone(),
            attempt: key.attempts + 1,
            age: key.age,
        });
        Failed {
            repository: key.number,
            key: key.key.clone(),
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
        self.keys.iter().any(|(_, _, key)| key.held)
    }

    /// Whether more may be taken before this is acknowledged. What is given away must not be taken once more until then, and what
    /// is held would be.
    pub(crate) fn may_be_read_past(&self) -> bool {
        !self.has_held() && !self.keys.iter().any(|(_, verdict, key)| verdict.gives_away(key))
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
        for (_, verdict, key) in &self.keys {
            let parked = failed.get(&(key.number, key.key.as_str()));
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
        let mut applied = HashMap::new();
        for (repository, verdict, _) in &self.keys {
            if verdict.applies() {
                *applied.entry(*repository).or_default() += 1;
            }
        }
        applied
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
