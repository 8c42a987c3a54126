//! The rows that a run works on.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::stages::LISTED;

/// The first business key of a run. The business keys of the dataset are lower.
pub(crate) const FIRST_NUMBER: i64 = 5_000_000_000;

/// How many business keys each group may use.
const NUMBERS: usize = 1_000_000;

/// How many rows a group works on at a time.
const AT_A_TIME: usize = 3;

/// After how many operations a group goes on to other rows. Short histories are quick to check, and each history begins with a row that
/// does not exist yet.
const OPERATIONS: usize = 150;

/// A repository that a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Many rows for each subject.
    Bookings,
    /// One row for each subject.
    Clients,
}

impl Table {
    /// All repositories that a run writes.
    pub(crate) const ALL: [Self; 2] = [Self::Bookings, Self::Clients];

    /// The name of the repository.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bookings => "bookings",
            Self::Clients => "clients",
        }
    }

    /// The column of the subject.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::Bookings => "client_phone",
            Self::Clients => "phone",
        }
    }

    /// The column of the business key; `company_id` is the other half of it.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::Bookings => "yclients_record_id",
            Self::Clients => "yclients_id",
        }
    }

    /// The column that holds the value.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Bookings => "comment",
            Self::Clients => "notes",
        }
    }

    /// Another column that must be given, and its text.
    pub(crate) fn required(self) -> (&'static str, &'static str) {
        match self {
            Self::Bookings => ("datetime", "2026-04-01T10:00:00Z"),
            Self::Clients => ("name", "Torture"),
        }
    }
}

/// The identity of a row in the whole run, whether the row exists or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The row's repository.
    pub(crate) table: Table,
    /// The row's subject.
    pub(crate) phone: String,
    /// The row's business key. No other row of the run has it.
    pub(crate) number: i64,
}

/// Rows that the same bots work on.
pub(crate) struct Group {
    table: Table,
    /// The subject of all rows; `None` if each row has a subject of its own.
    phone: Option<&'static str>,
    /// Whether the subject is a listed one. The authority of a listed subject is known without a policy.
    pub(crate) listed: bool,
    first: i64,
    operations: AtomicUsize,
}

impl Group {
    /// A number larger than that of the groups.
    const MOST: usize = 100;

    /// All groups of a run.
    pub(crate) fn all() -> Vec<Self> {
        let listed = LISTED.map(|phone| (Table::Bookings, Some(phone), true));
        let others = ["89990000011", "89990000012", "89990000013"].map(|phone| (Table::Bookings, Some(phone), false));
        let own = [Table::Clients, Table::Clients, Table::Bookings].map(|table| (table, None, false));
        let groups = listed.into_iter().chain(others).chain(own);
        groups
            .zip((FIRST_NUMBER..).step_by(NUMBERS))
            .map(|((table, phone, listed), first)| Self {
                table,
                phone,
                listed,
                first,
                operations: AtomicUsize::new(0),
            })
            .collect()
    }

    /// The business key of a row that belongs to no group.
    pub(crate) fn beyond(row: usize) -> i64 {
        (FIRST_NUMBER..)
            .step_by(NUMBERS)
            .nth(Self::MOST + row)
            .unwrap_or(FIRST_NUMBER)
    }

    /// The rows to choose from for the next operation.
    pub(crate) fn rows(&self) -> Vec<Key> {
        let generation = self.operations.fetch_add(1, Ordering::Relaxed) / OPERATIONS;
        let numbers = (self.first..).skip(generation * AT_A_TIME).take(AT_A_TIME);
        numbers.map(|number| self.key(number)).collect()
    }

    fn key(&self, number: i64) -> Key {
        let own = || format!("8998{:07}", number - FIRST_NUMBER);
        Key {
            table: self.table,
            phone: self.phone.map_or_else(own, str::to_owned),
            number,
        }
    }
}
