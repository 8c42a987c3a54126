//! Operations through the pipeline, on two sides that are written down: no database is needed.

#![expect(clippy::unwrap_used, reason = "also what is around the tests may fail loudly")]

mod handoffs;
mod policies;
mod reads;
mod side;
mod transactions;
mod world;
mod writes;
