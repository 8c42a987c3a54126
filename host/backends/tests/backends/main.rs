//! Operations against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "also what is around the tests may fail loudly")]

mod failures;
mod find;
mod relationships;
mod schema;
mod transactions;
mod types;
mod world;
mod write;
