//! Whether the history of one row can be explained: by an order of its operations in which each operation takes effect at one moment
//! between its question and its answer, and every answer is the one that [`Row`] gives.
//!
//! The search is that of Wing and Gong, with Lowe's memory of the places it has visited. An operation in doubt may take effect at any later
//! moment or never. So a place that was reached with fewer of these done leads wherever the same place leads that was reached with more of
//! them done.

use std::collections::{HashMap, VecDeque};

use super::history::{Entry, Moment, Outcome};
use super::spec::Row;

/// A set of operations, with one bit for each operation.
type Set = Box<[u64]>;

/// A place in the search: the operations that have taken effect so far.
#[derive(Clone)]
struct Place {
    /// The answered operations that have taken effect.
    answered: Set,
    /// The operations in doubt that have taken effect.
    doubted: Set,
    row: Row,
}

/// Whether the history has such an order. The row does not exist in the beginning.
pub(crate) fn is_linearizable(history: &[Entry]) -> bool {
    let mut entries: Vec<_> = history
        .iter()
        .filter(|entry| entry.outcome != Outcome::Refused)
        .collect();
    entries.sort_by_key(|entry| entry.invoked);
    let nothing: Set = vec![0; entries.len().div_ceil(64)].into();
    // The places still to visit, those with the fewest operations in doubt first.
    let mut places = VecDeque::from([Place {
        answered: nothing.clone(),
        doubted: nothing,
        row: Row::default(),
    }]);
    let mut seen: HashMap<(Set, Row), Vec<Set>> = HashMap::new();
    while let Some(Place { answered, doubted, row }) = places.pop_front() {
        let been = seen.entry((answered.clone(), row)).or_default();
        if been.iter().any(|fewer| is_within(fewer, &doubted)) {
            continue;
        }
        been.push(doubted.clone());
        let open = || {
            let entries = entries.iter().enumerate();
            entries.filter(|(index, _)| !holds(&answered, *index) && !holds(&doubted, *index))
        };
        // The next operation to take effect was invoked before any of the remaining ones was answered.
        let Some(horizon) = open().filter_map(|(_, entry)| answered_at(entry)).min() else {
            return true;
        };
        for (index, entry) in open().take_while(|(_, entry)| entry.invoked < horizon) {
            let mut next = row;
            let reply = next.step(entry.step);
            match entry.outcome {
                Outcome::Done(_, answer) if answer.tells(reply) => places.push_front(Place {
                    answered: with(&answered, index),
                    doubted: doubted.clone(),
                    row: next,
                }),
                // An operation in doubt that would change nothing may as well never be done.
                Outcome::InDoubt if next != row => places.push_back(Place {
                    answered: answered.clone(),
                    doubted: with(&doubted, index),
                    row: next,
                }),
                _ => {}
            }
        }
    }
    false
}

fn answered_at(entry: &Entry) -> Option<Moment> {
    match entry.outcome {
        Outcome::Done(answered, _) => Some(answered),
        _ => None,
    }
}

fn holds(set: &Set, index: usize) -> bool {
    set[index / 64] >> (index % 64) & 1 == 1
}

fn with(set: &Set, index: usize) -> Set {
    let mut set = set.clone();
    set[index / 64] |= 1 << (index % 64);
    set
}

fn is_within(part: &Set, whole: &Set) -> bool {
    part.iter().zip(whole).all(|(part, whole)| part & !whole == 0)
}

#[cfg(test)]
mod tests;
