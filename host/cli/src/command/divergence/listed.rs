use std::io::Write;

use anyhow::Result;
use serde_json::json;
use turnout_backends::{Database, OpenDivergence};
use turnout_vocabulary::PerBackend;

/// How many are read at once.
const PAGE: u32 = 1_000;

/// Prints the divergences that are open on either side. Only a person with access to both databases can, so keys may be shown.
pub(super) async fn print(
    sides: &PerBackend<Database>,
    repository: Option<&str>,
    json: bool,
    out: &mut impl Write,
) -> Result<()> {
    let mut listed = 0;
    for (backend, database) in sides.iter() {
        let mut page: Vec<OpenDivergence> = database.divergences(None, PAGE).await?;
        while !page.is_empty() {
            let is_chosen = |one: &&OpenDivergence| repository.is_none_or(|repository| repository == one.table);
            for one in page.iter().filter(is_chosen) {
                listed += 1;
                if json {
                    let one = json!({
                        "repository": one.table, "key": one.key, "columns": one.columns, "reason": one.reason,
                        "first_seen": one.since, "last_seen": one.at, "found_by": one.found_by, "epoch": one.epoch,
                        "side": backend, "repairs": one.repairs,
                    });
                    writeln!(out, "{one}")?;
                } else {
                    let columns = one.columns.as_deref().filter(|columns| !columns.is_empty());
                    writeln!(
                        out,
                        "{}  {}  {}  found by {}  first {}  last {}  epoch {}",
                        one.table,
                        one.key,
                        columns.map_or_else(|| one.reason.clone(), |columns| columns.join(", ")),
                        one.found_by,
                        one.since,
                        one.at,
                        one.epoch
                    )?;
                }
            }
            page = database.divergences(page.last(), PAGE).await?;
        }
    }
    if listed == 0 && !json {
        writeln!(out, "no row is known to differ")?;
    }
    Ok(())
}
