//! Atomicity: an operation in doubt that took effect on one of its rows must have taken effect on all of them.

use std::collections::HashMap;

use super::history::{Entry, History, Moment, Outcome};
use super::rows::Key;
use super::spec::{Reply, Step};

/// Counts an operation in doubt as done to all of its rows if its value was seen in any of them. It then took effect before the value was
/// first seen. Entries that were invoked at the same moment are one operation.
pub(crate) fn settle(histories: &mut HashMap<Key, History>) {
    let mut seen: HashMap<Moment, Moment> = HashMap::new();
    for history in histories.values() {
        for entry in in_doubt(history) {
            if let Some(answered) = entry.step.value().and_then(|value| sighting(history, value)) {
                let first = seen.entry(entry.invoked).or_insert(answered);
                *first = answered.min(*first);
            }
        }
    }
    for entry in histories.values_mut().flatten() {
        if let Some(answered) = seen.get(&entry.invoked)
            && entry.outcome == Outcome::InDoubt
        {
            entry.outcome = Outcome::Done(*answered, Reply::Untold);
        }
    }
}

fn in_doubt(history: &[Entry]) -> impl Iterator<Item = &Entry> {
    let writes = history.iter().filter(|entry| entry.step != Step::Read);
    writes.filter(|entry| entry.outcome == Outcome::InDoubt)
}

/// When a value was first seen, if it was.
fn sighting(history: &[Entry], value: u64) -> Option<Moment> {
    let seen = history.iter().filter_map(|entry| match entry.outcome {
        Outcome::Done(answered, Reply::Was(Some(seen))) if seen == value => Some(answered),
        _ => None,
    });
    seen.min()
}

#[cfg(test)]
mod tests {
    use super::super::linearizability::is_linearizable;
    use super::super::rows::Table;
    use super::*;

    fn key(number: i64) -> Key {
        Key {
            table: Table::Bookings,
            phone: String::new(),
            number,
        }
    }

    fn entry(invoked: u64, step: Step, outcome: Outcome) -> Entry {
        Entry { invoked, step, outcome }
    }

    fn look(invoked: u64, seen: Option<u64>) -> Entry {
        entry(invoked, Step::Read, Outcome::Done(invoked + 1, Reply::Was(seen)))
    }

    /// Whether these rows are allowed after a transaction in doubt that adds one row and removes another.
    fn is_fine(added: Option<u64>, left: Option<u64>) -> bool {
        let before = entry(0, Step::Upsert(1), Outcome::Done(1, Reply::Inserted));
        let mut histories = HashMap::from([
            (
                key(1),
                vec![entry(2, Step::Insert(2), Outcome::InDoubt), look(10, added)],
            ),
            (
                key(2),
                vec![before, entry(2, Step::Delete, Outcome::InDoubt), look(12, left)],
            ),
        ]);
        settle(&mut histories);
        histories.values().all(|history| is_linearizable(history))
    }

    #[test]
    fn a_half_of_an_operation_is_found() {
        assert!(is_fine(None, Some(1)), "nothing of it was done");
        assert!(is_fine(Some(2), None), "all of it was done");
        assert!(!is_fine(Some(2), Some(1)), "it was done to one row only");
    }
}
