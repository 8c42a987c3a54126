//! The mirror against real PostgreSQL databases.

#![expect(clippy::unwrap_used, reason = "also what is around the tests may fail loudly")]

mod capture;
mod failing;
mod fence;
mod judge;
mod keys;
mod leases;
mod numbers;
mod outage;
mod types;
mod unprivileged;
mod world;
