//! `turnout cleanup`: removes test rows from both databases, and puts them back.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use turnout_api::{CleanupReport, CleanupRequest, CleanupRow, KeptCleanups, UndoReport, UndoRequest};

use super::running::{Running, understood};
use crate::arguments::{Cleanup, CleanupAction, Wanted};
use crate::config::Config;

/// How long a host may take: thousands of rows, and the mirror behind them.
const PATIENCE: Duration = Duration::from_mins(10);

pub(crate) fn run(config: &Path, Cleanup { action, wanted }: &Cleanup) -> Result<()> {
    let config = Config::load(config)?;
    super::runtime()?.block_on(async {
        let host = Running::patient(&config, PATIENCE)?;
        let mut out = std::io::stdout().lock();
        match action {
            Some(CleanupAction::Undo { id }) => {
                let answer = host.post("/v1/cleanup/undo", &UndoRequest { id: id.clone() }).await?;
                undone(&understood(&answer)?, &mut out)
            }
            Some(CleanupAction::List) => list(&understood(&host.get("/v1/cleanup").await?)?, &mut out),
            None => clean(&host, wanted.as_ref().context("name a repository")?, &mut out).await,
        }
    })
}

async fn clean(host: &Running, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    let request = CleanupRequest {
        repository: wanted.repository.clone(),
        filter: wanted.filter.clone(),
        execute: wanted.execute,
        expect: wanted.expect,
    };
    let answer = host.post("/v1/cleanup", &request).await?;
    let report: CleanupReport = understood(&answer)?;
    if wanted.json {
        writeln!(out, "{answer}")?;
    } else if wanted.execute {
        done(&report, out)?;
    } else {
        dry_run(&report, wanted, out)?;
    }
    if !report.agreed {
        bail!("the cleanup would be refused; nothing was removed");
    }
    Ok(())
}

/// Prints what would go. Only the administrator's key opens it, so rows may be shown.
fn dry_run(report: &CleanupReport, wanted: &Wanted, out: &mut impl Write) -> Result<()> {
    for count in &report.counts {
        writeln!(
            out,
            "{} on {}: {} rows match, {} rows refer to rows that go; {} of them have test marks; the table has {} rows",
            count.repository, count.backend, count.requested, count.referring, count.marked, count.table_rows
        )?;
    }
    if !report.samples.is_empty() {
        writeln!(out, "the first rows that match:")?;
        rows(&report.samples, true, out)?;
    }
    if !report.referring.is_empty() {
        writeln!(out, "rows that refer to rows that go, and would go with them:")?;
        rows(&report.referring, false, out)?;
    }
    for reason in &report.reasons {
        writeln!(out, "refused: {reason}")?;
    }
    match report.rows {
        0 => writeln!(out, "no row matches")?,
        rows if report.agreed => {
            let filter = if wanted.filter.is_empty() {
                String::new()
            } else {
                format!(" --where '{}'", wanted.filter.replace('\'', r"'\''"))
            };
            writeln!(
                out,
                "the policy agrees. Nothing was removed. To remove these {rows} rows: \
                 turnout cleanup {}{filter} --execute --expect {rows}",
                wanted.repository
            )?;
        }
        _ => {}
    }
    Ok(())
}

fn rows(rows: &[CleanupRow], whole: bool, out: &mut impl Write) -> Result<()> {
    for row in rows {
        let shown = if whole {
            serde_json::to_string(&row.row)?
        } else {
            row.key.clone()
        };
        writeln!(out, "  {} on {}  {shown}", row.repository, row.backend)?;
    }
    Ok(())
}

fn done(report: &CleanupReport, out: &mut impl Write) -> Result<()> {
    for (backend, removed) in report.removed.iter() {
        let Some(removed) = removed else { continue };
        let follows = match removed.mirror.as_str() {
            "done" => "the other side has followed",
            "off" => "the other side is not mirrored",
            "parked" => "the other side could not follow: see `turnout mirror list`",
            _ => "the other side will follow",
        };
        writeln!(out, "{} rows removed from {backend}; {follows}", removed.rows)?;
    }
    match &report.undo {
        Some(id) => writeln!(out, "to put them back: turnout cleanup undo {id}")?,
        None => writeln!(out, "no row matches")?,
    }
    Ok(())
}

fn undone(report: &UndoReport, out: &mut impl Write) -> Result<()> {
    for (backend, rows) in report.restored.iter().filter(|(_, rows)| **rows > 0) {
        writeln!(out, "{rows} rows are back on {backend}")?;
    }
    for row in &report.refused {
        writeln!(out, "not put back: {} {}: {}", row.repository, row.key, row.reason)?;
    }
    if !report.refused.is_empty() {
        bail!(
            "{} rows were not put back; they are kept, so the command can be repeated",
            report.refused.len()
        );
    }
    Ok(())
}

fn list(kept: &KeptCleanups, out: &mut impl Write) -> Result<()> {
    let mut cleanups: Vec<_> = kept
        .iter()
        .flat_map(|(backend, cleanups)| cleanups.iter().map(move |cleanup| (backend, cleanup)))
        .collect();
    cleanups.sort_by(|(_, one), (_, other)| (&other.at, &one.cleanup).cmp(&(&one.at, &other.cleanup)));
    for (backend, cleanup) in &cleanups {
        writeln!(
            out,
            "{}  {}  {} rows of {} removed from {backend}, {} put back",
            cleanup.cleanup, cleanup.at, cleanup.removed, cleanup.table, cleanup.restored
        )?;
    }
    if cleanups.is_empty() {
        writeln!(out, "no cleanup can be taken back")?;
    }
    Ok(())
}
