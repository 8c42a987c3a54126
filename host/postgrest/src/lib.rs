//! The PostgREST dialect for single tables: requests into operations, outcomes into answers.
//!
//! [`parse`] makes a [`Call`] of an HTTP request, [`answer`] makes the HTTP answer of what a backend did with it, and a
//! [`Refusal`] is the answer where either is impossible. What is said of statuses, headers and bodies follows PostgREST 13.
//!
//! Where to make a change: a filter operator in `request/filter/operators.rs`, a preference in
//! `request/preferences.rs`, an error of PostgREST in `error/dialect.rs`, the status of a SQLSTATE in
//! `error/database.rs`, an error of the host's own in `error/host.rs`.
//!
//! Different from PostgREST, on purpose:
//! - Embedding, JSON paths, aggregates, the operators beyond `eq` … `is`, and `Prefer: tx=rollback` are refused as not
//!   implemented (`PGRST127`). So are `limit` and `offset` on a change or removal of rows: PostgREST 13 accepts them
//!   there and touches every matching row all the same.
//! - Bodies and answers are JSON; CSV, forms, `GeoJSON`, query plans and `nulls=stripped` are refused (415 or 406).
//! - `count=planned` and `count=estimated` count exactly, which is what either is an estimate of.
//! - `Prefer: missing=default` is not applied; a body in which it would make a difference is refused.
//! - U+0000, which PostgreSQL cannot store as text, is refused before it reaches a backend.

mod answer;
mod error;
mod request;

pub use answer::{AnswerForm, answer};
pub use error::Refusal;
pub use request::{Call, encode, parse};
