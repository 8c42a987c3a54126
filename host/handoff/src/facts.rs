use std::time::Duration;

use futures::future::try_join;
use turnout_backends::{Archiving, Database, Error, MirrorStanding};
use turnout_policies::InForce;
use turnout_readiness::{Backup, BrokenChain, Facts, ParallelRun, Proof, Standing};
use turnout_vocabulary::{PerBackend, Repository};

/// What promotion is judged by: what `new` keeps of what was proved, how both sides stand now, and what is in force. Both sides must be
/// installed.
///
/// # Errors
/// If a side can't be asked.
pub async fn facts(
    sides: &PerBackend<Database>,
    repositories: &[Repository],
    in_force: Option<&InForce>,
) -> Result<Facts, Error> {
    let names = |chosen: &dyn Fn(&Repository) -> bool| -> Vec<String> {
        let chosen = repositories.iter().filter(|repository| chosen(repository));
        chosen.map(|repository| repository.name.clone()).collect()
    };
    let is_mirrored = |repository: &Repository| {
        // A policy that fails to say mirrors nothing.
        in_force.is_some_and(|now| now.mirrored(repository.id, None).unwrap_or_default())
    };
    let (evidence, gap) = try_join(sides.new.newest_evidence(), sides.new.evidence_gap()).await?;
    let parallel = sides.new.parallel_run().await?;
    let (old, new) = try_join(standing(&sides.old, repositories), standing(&sides.new, repositories)).await?;
    Ok(Facts {
        repositories: names(&|_| true),
        mirrored: names(&is_mirrored),
        converged: names(&|repository| in_force.is_some_and(|now| now.is_converged(repository))),
        evidence: evidence
            .into_iter()
            .map(|kept| Proof {
                number: kept.number,
                kind: kept.kind,
                age: kept.age,
                repositories: kept.repositories,
                result: kept.result,
            })
            .collect(),
        broken_chain: gap.map(|gap| BrokenChain {
            number: gap.number,
            reason: gap.reason,
        }),
        sides: PerBackend { old, new },
        parallel_run: parallel.map(|run| ParallelRun {
            lasted: run.lasted,
            operations: run.operations,
            errors: run.errors,
            compared: run.compared,
            diverged: run.diverged,
        }),
    })
}

async fn standing(database: &Database, repositories: &[Repository]) -> Result<Standing, Error> {
    let (tables, archiving) = try_join(database.mirror_standing(), database.archiving()).await?;
    let is_served = |table: &&MirrorStanding| {
        let mut served = repositories.iter();
        served.any(|repository| repository.schema == table.schema && repository.table == table.table)
    };
    let tables: Vec<&MirrorStanding> = tables.iter().filter(is_served).collect();
    let gaps = tables.iter().filter(|table| table.verify);
    Ok(Standing {
        diverged: tables.iter().map(|table| table.diverged).sum(),
        parked: tables.iter().map(|table| table.parked).sum(),
        oldest: tables.iter().filter_map(|table| table.oldest).max(),
        gaps: gaps.map(|table| table.repository.clone()).collect(),
        backup: backup(archiving),
    })
}

fn backup(archiving: Archiving) -> Backup {
    match archiving {
        Archiving { on: false, .. } => Backup::Unknown,
        Archiving { fails: true, .. } => Backup::Failing,
        Archiving { age_seconds, .. } => age_seconds.map_or(Backup::Unknown, |seconds| {
            Backup::Archived(Duration::try_from_secs_f64(seconds).unwrap_or_default())
        }),
    }
}
