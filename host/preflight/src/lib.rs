//! What would break a migration: both databases are compared before anything is moved, and nothing is changed.
//!
//! - [`Catalogue`] is what one side is and holds, as plain data.
//! - [`differences`] compares two catalogues. It asks no database, so catalogues that were kept can be compared, too.
//! - [`preflight`] asks both databases and answers with [`Finding`]s: what is the matter, where, why that matters, and the SQL that mends
//!   it. `judged` says how bad a difference is, `rows` asks for the rows that are in the way; `settings`, `privileges`, `sequences` and
//!   `surroundings` look at each side by itself, and `estimate` copies samples.

mod catalogue;
mod difference;
mod differences;
mod estimate;
mod finding;
mod judged;
mod keys;
mod privileges;
mod rows;
mod sequences;
mod settings;
mod surroundings;

use std::time::Duration;

use futures::future::try_join;
use serde::Serialize;
use surroundings::Surroundings;
use turnout_backends::{Database, Error};
use turnout_vocabulary::{Backend, PerBackend, Repository};

pub use catalogue::{
    Catalogue, Column, Constraint, Enum, EnumColumn, Extension, Function, Grant, Index, Policy, Referring, Sequence,
    Settings, Table, Trigger, View,
};
pub use difference::{Asks, Difference, Kind, Rule};
pub use differences::differences;
pub use estimate::{CopyTime, Size};
pub use finding::{Finding, Remedy, Rows, Severity, Side};

/// How long a transaction may be open without being named.
const LONG: Duration = Duration::from_secs(10);

/// What both sides are and hold of these repositories' tables and of their schemas, read at one moment on each side.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn catalogues(
    sides: &PerBackend<Database>,
    repositories: &[Repository],
) -> Result<PerBackend<Catalogue>, Error> {
    let mut schemas: Vec<String> = repositories
        .iter()
        .map(|repository| repository.schema.clone())
        .chain(sides.old.exposed().iter().cloned())
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    let (old, new) = try_join(sides.old.catalogue(&schemas), sides.new.catalogue(&schemas)).await?;
    Ok(PerBackend { old, new })
}

/// What was found of both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Everything that would break the migration, the worst first.
    pub findings: Vec<Finding>,
    /// How large the tables are, and how long their copy takes.
    pub tables: Vec<Size>,
}

/// What would break the migration of these repositories, and how long it takes. A host needs so many connections to each side. Each
/// question runs in a read-only transaction; some read whole tables. Samples are written to temporary tables.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn preflight(
    sides: &PerBackend<Database>,
    repositories: &[Repository],
    connections: PerBackend<u64>,
) -> Result<Report, Error> {
    let catalogues = catalogues(sides, repositories).await?;
    let mut findings = settings::findings(&catalogues);
    findings.extend(privileges::findings(&catalogues));
    for side in Backend::ALL {
        let surroundings: Surroundings = sides[side].surroundings(LONG).await?;
        findings.extend(surroundings.findings(side, &catalogues[side].database, connections[side]));
        findings.extend(pooler(&sides[side]).await?);
        findings.extend(sequences::findings(&sides[side], &catalogues[side]).await?);
    }
    findings.extend(keys::findings(&catalogues, repositories));
    // One after the other: databases in service are asked.
    for difference in differences(&catalogues) {
        findings.push(rows::finding(sides, &catalogues, repositories, &difference).await?);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let tables = estimate::sizes(sides, &catalogues, repositories).await?;
    Ok(Report { findings, tables })
}

/// Whether a pooler in transaction mode stands in front of a side.
async fn pooler(database: &Database) -> Result<Option<Finding>, Error> {
    let pooler = database.check_pooler().await?;
    Ok(pooler.map(|what| {
        let why = "Turnout needs its settings and prepared statements to stay with a session";
        settings::found(
            Severity::Blocks,
            "pooler",
            Some(database.backend()),
            what,
            why,
            Vec::new(),
        )
    }))
}
