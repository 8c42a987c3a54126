//! What the two sides are asked beside operations: each function of the SQL installation, said in the vocabulary.
//!
//! They have connections of their own, so that an application which keeps all of its connections busy cannot hold up the
//! mirror or a handoff.

mod capture;
mod compare;
mod drained;
mod epochs;
mod failover;
mod fence;
mod gaps;
mod handover;
mod installed;
mod lease;
mod numbering;
mod parked;
mod pooler;
mod rewound;
mod shapes;
mod site;
mod source;
mod taken;
mod target;
mod whose;

use sqlx::Row as _;
use sqlx::postgres::PgRow;

pub use compare::{ComparedRow, Extent, PartDigest};
pub use drained::{Group, LeftOf};
pub use epochs::{EpochRecord, KeptSets, NewestEpochs};
pub use fence::FenceHolder;
pub use gaps::{Gap, GapKind, Traces};
pub use handover::Receipt;
pub use installed::NotInstalled;
pub use numbering::{Count, Counted, Numbering};
pub use parked::{MirrorStanding, ParkedKey};
pub use rewound::{Rewound, Ticks};
pub use shapes::schema_differences;
pub use source::{Ack, Diverged, Failed, Leftover, Settled};
pub use taken::{DirtyKey, Stopped, Taken, TakenPart};
pub use target::{Change, ChangedRows, NotApplied};
pub use whose::{Moment, SubjectPages};

use crate::database::Database;
use crate::error::Error;
use crate::sql::{Parameter, Statement};

impl Database {
    /// Calls a function of the installation.
    async fn call(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<Vec<PgRow>, Error> {
        let statement = Statement::new(text, parameters);
        self.protocol().rows(&statement).await
    }

    /// The first value of the first row that a function answers with.
    async fn value<T>(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<T, Error>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let rows = self.call(text, parameters).await?;
        let row = rows.first().ok_or_else(|| self.unexpected(&sqlx::Error::RowNotFound))?;
        row.try_get(0).map_err(|error| self.unexpected(&error))
    }

    /// Reads every row of an answer.
    fn read<T>(&self, rows: &[PgRow], read: impl Fn(&PgRow) -> Result<T, sqlx::Error>) -> Result<Vec<T>, Error> {
        rows.iter()
            .map(|row| read(row).map_err(|error| self.unexpected(&error)))
            .collect()
    }
}
