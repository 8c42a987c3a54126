use std::io::{Result, Write};

use turnout_api::{MirrorStatus, RepositoryStatus};
use turnout_vocabulary::Backend;

use super::seconds;

/// Prints for people the state of the mirror of one side's changes.
pub(super) fn show(source: Backend, mirror: Option<&MirrorStatus>, out: &mut impl Write) -> Result<()> {
    let target = source.other();
    let Some(mirror) = mirror else {
        return writeln!(
            out,
            "mirror {source} → {target}\n  not seen yet: if {source} has no installation, run `turnout install {source}`"
        );
    };
    let worker = if mirror.at_work {
        "this host holds the lease"
    } else {
        "this host does not hold the lease"
    };
    writeln!(
        out,
        "mirror {source} → {target}  ({worker}, seen {} ago)",
        seconds(mirror.seen_seconds)
    )?;
    writeln!(
        out,
        "  {:<18} {:>8} {:>9} {:>8} {:>6} {:>7} {:>9}",
        "", "dirty", "oldest", "rows/s", "held", "parked", "diverged"
    )?;
    for repository in &mirror.repositories {
        let RepositoryStatus {
            repository: name,
            dirty,
            oldest_seconds,
            held,
            parked,
            diverged,
            applied_per_second,
            ..
        } = repository;
        let oldest = oldest_seconds.map_or("-".to_owned(), |oldest| format!("{oldest:.1} s"));
        writeln!(
            out,
            "  {name:<18} {dirty:>8} {oldest:>9} {applied_per_second:>8.1} {held:>6} {parked:>7} {diverged:>9}"
        )?;
    }
    for repository in &mirror.repositories {
        if let Some(stopped) = &repository.stopped {
            writeln!(
                out,
                "  stopped: {}: the mirror cannot read its rows on {source}: {stopped}; its pending entries wait until it can",
                repository.repository
            )?;
        }
    }
    for gap in &mirror.gaps {
        writeln!(out, "  to be compared: {}", gap.reason)?;
    }
    for parked in &mirror.parked {
        writeln!(
            out,
            "  parked: {}, {} keys, up to {} attempts, SQLSTATE {}, {}",
            parked.repository, parked.keys, parked.attempts, parked.sqlstate, parked.reason
        )?;
    }
    Ok(())
}
