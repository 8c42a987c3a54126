//! What would break a migration: both databases are compared before anything is moved, and nothing is changed.
//!
//! - [`Catalogue`] is what one side is and holds, as plain data.
//! - [`differences`] compares two catalogues. It asks no database, so catalogues that were kept can be compared, too.
//! - [`preflight`] asks both databases and answers with [`Finding`]s: what is the matter, where, why that matters, and the SQL that mends
//!   it. `judged` says how bad a difference is, `rows` asks for the rows that are in the way.

mod catalogue;
mod difference;
mod differences;
mod finding;
mod judged;
mod keys;
mod rows;

use futures::future::{try_join, try_join_all};
use turnout_backends::{Database, Error};
use turnout_vocabulary::{PerBackend, Repository};

pub use catalogue::{
    Catalogue, Column, Constraint, Enum, EnumColumn, Extension, Function, Grant, Index, Policy, Sequence, Settings,
    Table, Trigger, View,
};
pub use difference::{Asks, Difference, Kind, Rule};
pub use differences::differences;
pub use finding::{Finding, Remedy, Rows, Severity, Side};

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

/// Everything that would break the migration of these repositories, the worst first. Each question runs in a read-only transaction; some
/// read whole tables.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn preflight(sides: &PerBackend<Database>, repositories: &[Repository]) -> Result<Vec<Finding>, Error> {
    let catalogues = catalogues(sides, repositories).await?;
    let mut findings = keys::findings(&catalogues, repositories);
    let differences = differences(&catalogues);
    let of_differences = differences
        .iter()
        .map(|difference| rows::finding(sides, &catalogues, repositories, difference));
    findings.extend(try_join_all(of_differences).await?);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(findings)
}
