//! The mirror against real PostgreSQL databases.

#![expect(clippy::unwrap_used, reason = "also what is around the tests may fail loudly")]

mod another_subject;
mod capture;
mod compare;
mod drained;
mod epochs;
mod failing;
mod fence;
mod gaps;
mod hammered;
mod handed_over;
mod hidden;
mod installed_over;
mod judge;
mod keys;
mod leases;
mod locked;
mod lost_columns;
mod numbers;
mod outage;
mod raised;
mod ranges;
mod received;
mod references;
mod restored;
mod surroundings;
mod swaps;
mod types;
mod unprivileged;
mod waiting;
mod whole;
mod world;
