//! The words of Turnout's design as types, which every other crate of the host uses. Nothing here does I/O.
//!
//! - [`Backend`], [`Repository`], [`Subject`]: what a deployment is made of.
//! - [`Operation`]: one call of the application, as data. `host/postgrest` parses it, `host/backends` writes it as SQL.
//! - [`Outcome`]: what a backend answers to an operation.
//! - [`ReadPlan`], [`Admission`], [`Span`]: what a routing policy answers.
//! - [`MirrorPlan`], [`Retry`], [`Alert`]: what a dual-write policy answers.
//! - [`RepairAction`], [`DivergenceAlert`]: what a divergence policy answers, and [`Pair`], which it compares.
//! - [`CleanupVerdict`]: what a safe-cleanup policy answers, and [`CleanupRow`], which it marks or not.

mod backend;
mod cleanup;
mod divergence;
mod epoch;
mod function_rule;
mod latencies;
mod mirror;
mod operation;
mod outcome;
mod plan;
mod recording_key;
mod repository;
mod subject;

pub use backend::{Backend, PerBackend};
pub use cleanup::{CleanupColumn, CleanupCount, CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict};
pub use divergence::{
    ComparedColumn, ComparisonCount, ComparisonSource, ComparisonWindow, DivergedRow, DivergenceAlert,
    DivergenceAlertKind, DivergenceForm, Pair, RepairAction,
};
pub use epoch::Epoch;
pub use function_rule::FunctionRule;
pub use latencies::{LATENCY_BUCKETS, Latencies};
pub use mirror::{Alert, AlertKind, ApplyFailure, MirrorPlan, MirrorState, Retry, Severity, Written};
pub use operation::{
    Action, Aggregate, AggregateFunction, Arguments, BodyForm, Caller, Column, Comparison, Conflict, Count, Delete,
    Embed, Explain, ExplainOption, Field, Filter, Find, FunctionCall, Insert, IsValue, JsonKey, JsonStep, NullsOrder,
    Operand, Operation, OperationId, Operator, OrderBy, PlacedReference, Quantifier, Reference, Referred, Request,
    Resolution, Returning, Rows, SearchForm, Selected, TransactionSettings, Update, View, Window,
};
pub use outcome::{Outcome, Said};
pub use plan::{Admission, Conditions, Health, ReadPlan, Span};
pub use recording_key::RecordingKey;
pub use repository::{Repository, RepositoryId};
pub use subject::{NotASubject, Subject, SubjectKind, SubjectRule};
