use std::sync::Arc;

use anyhow::{Context, Result};
use turnout_backends::Database;
use turnout_pipeline::Metrics;
use turnout_policies::{Era, InForce, Policies, PolicySource, Worlds};
use turnout_runtime::Runtime;
use turnout_vocabulary::PerBackend;

use crate::config::Config;

/// The policies that are in force according to the record, for a command that works without a host; `None` while nothing is recorded.
pub(super) async fn in_force(config: &Config, sides: &PerBackend<Database>) -> Result<Option<Arc<InForce>>> {
    let Some(recorded) = turnout_handoff::recorded_set(sides).await? else {
        return Ok(None);
    };
    let Some(epoch) = sides.old.newest_epochs().await?.released else {
        return Ok(None);
    };
    let record = sides.old.epochs(epoch).await?.into_iter().next();
    // A directory that holds nothing changes nothing of what is recorded.
    let nothing = tempfile::tempdir().context("cannot make a temporary directory")?;
    let policies = Policies::load(
        PolicySource::new(nothing.path(), Worlds::default()),
        Runtime::new(&config.policies.limits)?,
        Arc::clone(&config.repositories),
        config.subjects.clone(),
        config.policies.acceptance.clone(),
        Arc::clone(&Metrics::new(&config.repositories).policies),
        Some(&recorded),
    )
    .context("the policies on record can't be used")?;
    let (forced, converged) = record.map_or((None, Vec::new()), |record| (record.forced, record.converged));
    let era = Era {
        epoch,
        set: Arc::clone(&policies.in_force().era.set),
        forced,
        // Nothing is written by these policies.
        frozen: None,
    };
    Ok(Some(Arc::new(InForce::steady(era, converged))))
}
