//! Reads across repositories that foreign keys make likely and the settings forbid.

use turnout_backends::{Database, Error};
use turnout_policies::InForce;
use turnout_vocabulary::{PerBackend, Repository};

/// Each repository whose rows can't be embedded in those of another that a foreign key relates it to, in words. It goes by the rows of
/// nobody: what holds for the subjects of a cohort is found out when they are read.
pub(super) async fn warnings(
    databases: &PerBackend<Database>,
    repositories: &[Repository],
    policies: &InForce,
) -> Result<Vec<String>, Error> {
    let schemas = PerBackend {
        old: databases.old.schema().await?,
        new: databases.new.schema().await?,
    };
    let mut warnings = Vec::new();
    for target in repositories {
        // What a policy fails to say is named elsewhere.
        let Ok(side) = policies.authority(target.id, None) else {
            continue;
        };
        let refers = |from: &Repository, to: &Repository| {
            let references = schemas[side].table(from).map_or(&[][..], |table| &table.references);
            let mut references = references.iter();
            references.any(|other| other.schema == to.schema && other.table == to.table)
        };
        for other in repositories {
            let is_related = other.id != target.id && (refers(target, other) || refers(other, target));
            let is_there = || {
                policies
                    .authority(other.id, None)
                    .is_ok_and(|authority| authority == side)
            };
            if is_related && !is_there() && !policies.mirrored(other.id, None).unwrap_or_default() {
                warnings.push(format!(
                    "{} can't be embedded in {}, which {side} answers: its rows are not kept equal there; give {} a stage that mirrors it",
                    other.name, target.name, other.name
                ));
            }
        }
    }
    Ok(warnings)
}
