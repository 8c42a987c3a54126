//! The two databases: pools, introspection, SQL written from operations, health.
//!
//! [`Database`] is one backend. It turns a [`Request`](turnout_vocabulary::Request) into one SQL statement whose
//! answer the database builds itself, runs it in one round trip, and says how the backend is doing.
//!
//! - `wire` carries statements to the database and answers back; a wire is a folder there, and `postgres` alone knows sqlx.
//! - `connections` is what every wire needs: further attempts, the watch over an outage and the recovery.
//! - `plan` looks the names of a request up in the schema, also those of embedded tables.
//! - `sql` writes statements: a filter operator is added in `sql/filter.rs`.
//! - `schema` knows what the exposed schemas hold and how it is related, as PostgreSQL's catalogue has it.
//! - `preflight` asks what one side is, without an installation.
//! - `install` is the SQL installation of one side, `protocol` calls its functions for the mirror and the handoff.

mod connections;
mod database;
mod error;
mod install;
mod plan;
mod preflight;
mod protocol;
mod schema;
mod settings;
mod sql;
mod wire;

pub use database::{Database, Entry};
pub use error::{Candidate, ColumnUse, DatabaseError, Error, UnknownFunction, UnknownRelationship};
pub use install::Installation;
pub use plan::suggested_table;
pub use preflight::{FoundRows, RowSample};
pub use protocol::{
    Ack, Alerts, ArchivedRow, Archiving, ChangedRows, Chunk, ChunkEnd, ComparedRow, Comparisons, CopyColumn, CopyShape,
    Count, Counted, DirtyKey, DirtyRange, Diverged, EpochRecord, Evidence, EvidenceGap, Failed, FenceHolder,
    FoundDivergence, Gap, GapKind, Group, KeptCleanup, KeptEvidence, KeptSets, KeyEvent, KeyOrder, KeyRange, LeftOf,
    Leftover, Looked, MinuteAlerts, MinuteRow, Minutes, MirrorStanding, Moment, NewestEpochs, NewestEvidence,
    NotApplied, NotInstalled, NotedDivergence, Numbering, OpenDivergence, OperationMinutes, ParallelMinutes, ParkedKey,
    PartDigest, PastHandoff, PutBack, PutBackRows, Receipt, Referring, RemovedRow, Resolved, ReviewedRow,
    ReviewedTable, Rewound, RowHash, RowTexts, RowToPutBack, Stopped, SubjectPages, TableChange, Taken, TakenPart,
    Ticks, Traces, schema_differences,
};
pub use schema::{
    Argument, Computed, ForeignKey, Function, Generated, Join, Junction, Reference, Relationship, Returned, Schema,
    SchemaDifference, Shaped, Table, TableColumn, TableKind, Volatility,
};
pub use settings::Settings;
pub use sql::{quoted, quoted_text};
#[cfg(feature = "scripted")]
pub use wire::{Asked, Said, Script};
pub use wire::{Isolation, Undone, Why};
