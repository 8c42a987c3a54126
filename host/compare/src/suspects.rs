use std::collections::HashMap;
use std::time::{Duration, Instant};

use turnout_backends::{Database, Error, Looked, RowHash};
use turnout_vocabulary::{Backend, PerBackend, Repository};

/// How many keys are looked at in one statement.
const LOOKED_AT_ONCE: usize = 2_000;

/// Keys of one repository whose rows were seen to differ, and which are looked at until each is equal or certainly different.
///
/// A look reads the row of one side and whether a pending entry names the key there. The side that has a row is looked at first and last,
/// the other side in between. If the version of the row is the same both times, it was there at the moment of the look in between; and if no
/// entry was pending, nothing was on its way. Comparing the two looks by value instead would report equal keys: two writes that are mirrored
/// in between may put the first value back. (Model: `tests/tests/model/suspect.rs`.)
pub struct Suspects<'a> {
    sides: &'a PerBackend<Database>,
    repository: &'a Repository,
    columns: &'a [String],
    patience: Duration,
    since: HashMap<String, Instant>,
}

/// What the looks at a suspect found. `Debug` shows no key.
#[derive(Clone)]
pub struct Finding {
    /// The key as a JSON object.
    pub key: String,
    /// What is certain of it.
    pub verdict: Verdict,
    /// The text of the subject column on each side.
    pub subjects: PerBackend<Option<String>>,
}

/// What is certain of a suspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides have this row, or neither has one.
    Equal(Option<RowHash>),
    /// The sides differ.
    Diverged {
        /// The hash of the row on each side that has one.
        rows: PerBackend<Option<RowHash>>,
        /// Why the mirror does not make them equal, if an entry is held or parked.
        held: Option<Held>,
    },
    /// The key changed or was pending at every look until patience ended. The hashes are those of the last look.
    Unsettled(PerBackend<Option<RowHash>>),
}

/// An entry that could not be mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub reason: String,
    /// Whether it is parked: the mirror does not try it again.
    pub is_parked: bool,
}

impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finding")
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

impl<'a> Suspects<'a> {
    /// No suspects yet. A suspect is looked at for this long at most.
    #[must_use]
    pub fn new(
        sides: &'a PerBackend<Database>,
        repository: &'a Repository,
        columns: &'a [String],
        patience: Duration,
    ) -> Self {
        Self {
            sides,
            repository,
            columns,
            patience,
            since: HashMap::new(),
        }
    }

    /// Adds a key, as a JSON object.
    pub fn add(&mut self, key: &str) {
        self.since.entry(key.to_owned()).or_insert_with(Instant::now);
    }

    /// Their keys.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.since.keys().cloned().collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.since.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// Looks at each suspect once. Those that something is certain of, or that patience ended for, are suspects no longer.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering.
    pub async fn look(&mut self) -> Result<Vec<Finding>, Error> {
        let keys = self.keys();
        let mut findings = Vec::new();
        for keys in keys.chunks(LOOKED_AT_ONCE) {
            findings.extend(self.look_at(keys).await?);
        }
        for finding in &findings {
            self.since.remove(&finding.key);
        }
        Ok(findings)
    }

    async fn look_at(&self, keys: &[String]) -> Result<Vec<Finding>, Error> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let old = self.rows(Backend::Old, &keys).await?;
        let new = self.rows(Backend::New, &keys).await?;
        let old_again = self.rows(Backend::Old, &keys).await?;
        // Only a key that `old` has no row of needs the last look.
        let without_row: Vec<&str> = keys.iter().copied().filter(|key| !has_row(&old, key)).collect();
        let new_again = if without_row.is_empty() {
            HashMap::new()
        } else {
            self.rows(Backend::New, &without_row).await?
        };
        let mut findings = Vec::new();
        for key in keys {
            let (Some(first), Some(between), Some(last)) = (old.get(key), new.get(key), old_again.get(key)) else {
                continue;
            };
            let verdict = if first.hash == between.hash {
                Some(Verdict::Equal(first.hash))
            } else if between.hash == last.hash {
                Some(Verdict::Equal(last.hash))
            } else if first.hash.is_some() {
                certain(first, between, last, |old, new| PerBackend { old, new })
            } else {
                new_again
                    .get(key)
                    .and_then(|again| certain(between, last, again, |new, old| PerBackend { old, new }))
            };
            let is_over = || {
                self.since
                    .get(key)
                    .is_some_and(|since| since.elapsed() >= self.patience)
            };
            let verdict = match verdict {
                Some(verdict) => verdict,
                None if is_over() => Verdict::Unsettled(PerBackend {
                    old: last.hash,
                    new: between.hash,
                }),
                None => continue,
            };
            findings.push(Finding {
                key: key.to_owned(),
                verdict,
                subjects: PerBackend {
                    old: last.subject.clone(),
                    new: between.subject.clone(),
                },
            });
        }
        Ok(findings)
    }

    async fn rows(&self, backend: Backend, keys: &[&str]) -> Result<HashMap<String, Looked>, Error> {
        let looked = self.sides[backend].look(self.repository, self.columns, keys).await?;
        Ok(looked.into_iter().map(|looked| (looked.key.clone(), looked)).collect())
    }
}

fn has_row(looked: &HashMap<String, Looked>, key: &str) -> bool {
    looked.get(key).is_some_and(|looked| looked.hash.is_some())
}

/// The verdict of three looks, the first and the last at one side, whose rows differ; `None` if nothing is certain.
fn certain(
    first: &Looked,
    between: &Looked,
    last: &Looked,
    sides: impl Fn(Option<RowHash>, Option<RowHash>) -> PerBackend<Option<RowHash>>,
) -> Option<Verdict> {
    let looks = [first, between, last];
    let diverged = |held| Verdict::Diverged {
        rows: sides(last.hash, between.hash),
        held,
    };
    let held = looks.iter().find_map(|look| {
        Some(Held {
            reason: look.held.clone()?,
            is_parked: look.is_parked,
        })
    });
    if held.is_some() {
        return Some(diverged(held));
    }
    let is_still_there = first.version.is_some() && first.version == last.version;
    let is_pending = looks.iter().any(|look| look.is_dirty);
    (is_still_there && !is_pending).then(|| diverged(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(version: &str, is_dirty: bool) -> Looked {
        Looked {
            key: String::new(),
            hash: (!version.is_empty()).then_some([1; 32]),
            version: (!version.is_empty()).then(|| version.to_owned()),
            subject: None,
            is_dirty,
            held: None,
            is_parked: false,
        }
    }

    fn verdict(looks: [Looked; 3]) -> Option<Verdict> {
        let [first, between, last] = looks;
        certain(&first, &between, &last, |old, new| PerBackend { old, new })
    }

    #[test]
    fn a_row_that_stays_and_is_not_pending_diverges() {
        assert!(verdict([look("7", false), look("", false), look("7", false)]).is_some());
        assert_eq!(verdict([look("7", false), look("", false), look("8", false)]), None);
        for dirty in 0..3 {
            let looks = std::array::from_fn(|at| look(if at == 1 { "" } else { "7" }, at == dirty));
            assert_eq!(verdict(looks), None);
        }
    }

    #[test]
    fn a_held_key_diverges_with_its_reason() {
        let held = Looked {
            held: Some("clients_phone_key".into()),
            ..look("8", true)
        };
        let Some(Verdict::Diverged { held: Some(held), .. }) = verdict([look("7", true), look("", false), held]) else {
            panic!("a held key is certain");
        };
        assert_eq!(held.reason, "clients_phone_key");
    }
}
