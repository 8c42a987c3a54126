//! The mirror against real PostgreSQL databases.

#![expect(clippy::unwrap_used, reason = "also what is around the tests may fail loudly")]

mod capture;
mod drained;
mod epochs;
mod failing;
mod fence;
mod hammered;
mod handed_over;
mod installed_over;
mod judge;
mod keys;
mod leases;
mod locked;
mod numbers;
mod outage;
mod received;
mod swaps;
mod types;
mod unprivileged;
mod waiting;
mod world;
