use anyhow::{Context, Result};
use serde::Serialize;
use turnout_backends::{Database, Evidence};
use turnout_vocabulary::PerBackend;

/// Keeps what a command proved on `new`; the number of the evidence.
pub(super) async fn keep(
    sides: &PerBackend<Database>,
    kind: &str,
    repositories: &[String],
    result: &impl Serialize,
) -> Result<i64> {
    let evidence = Evidence {
        kind,
        host: &super::machine(),
        version: env!("CARGO_PKG_VERSION"),
        epoch: sides.old.newest_epochs().await?.released,
        repositories,
        result: &serde_json::to_string(result)?,
    };
    let kept = sides.new.add_evidence(&evidence).await;
    kept.context("the result can't be kept as evidence on new")
}
