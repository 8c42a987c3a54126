//! The PostgREST dialect: turns HTTP requests into operations and outcomes into HTTP answers.
//!
//! [`parse`] makes a [`Call`] of an HTTP request. [`answer`] makes the HTTP answer from the outcome of the operation. A [`Refusal`] is the
//! answer where either is impossible. Statuses, headers and bodies follow PostgREST 13.
//!
//! Where to make a change: a filter operator in `request/filter/operators.rs`, a preference in
//! `request/preferences.rs`, an error of PostgREST in `error/dialect.rs`, the status of a SQLSTATE in
//! `error/database.rs`, an error of the host's own in `error/host.rs`.
//!
//! Different from PostgREST, on purpose:
//! - Aggregates in spread tables are refused as not implemented (`PGRST127`).
//! - `limit` and `offset` on an update or a delete are refused as not implemented too: PostgREST 13 accepts them there and
//!   touches every matching row all the same.
//! - Embedded rows keep the order of their keys and the spelling of their numbers: PostgREST makes them `jsonb` on the way.
//! - `Prefer: tx=rollback` is always honoured: PostgREST commits where its configuration does not allow it.
//! - U+0000, which PostgreSQL cannot store as text, is refused before it reaches a backend.

mod answer;
mod error;
mod request;

pub use answer::{AnswerForm, answer};
pub use error::{Refusal, Relationship};
pub use request::{Call, Dialect, encode, parse, parse_call, profile};
