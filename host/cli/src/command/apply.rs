//! Another description of the site, brought into force for every host.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use turnout_backends::{Database, NotInstalled};
use turnout_mirror::{Judge, Mirror};
use turnout_pipeline::{Alerts, Capture, Handoffs, Metrics, PolicyJudge, RecordingKey, SiteDescription};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use super::install;
use crate::config::Config;

/// `turnout apply`
pub(crate) fn run(path: &Path) -> Result<()> {
    let config = Config::load(path)?;
    let mut out = std::io::stdout().lock();
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let backends = Arc::new(super::open(&config, &supervisor)?);
        let Some(recorded) = turnout_pipeline::recorded_site(&backends).await? else {
            bail!("no description of the site is on record yet: the first host that starts records that of its configuration");
        };
        let configured = SiteDescription::of(&config.repositories, &config.subjects);
        let differences = recorded.differences(&configured);
        if differences.is_empty() {
            return Ok(writeln!(out, "the site is described like this already")?);
        }
        for difference in &differences {
            writeln!(out, "{difference}")?;
        }
        let handoffs = handoffs(&config, &backends, &supervisor).await?;
        let capture = Installer {
            config: &config,
            backends: &backends,
            roles: roles(&config)?,
        };
        let (epoch, altered) = handoffs.apply(recorded, &capture).await?;
        writeln!(
            out,
            "epoch {epoch} describes the site as {} does; start the hosts with it",
            path.display()
        )?;
        if !altered.is_empty() {
            writeln!(out, "they compare both sides of {} first", altered.join(", "))?;
        }
        Ok(())
    })
}

/// What brings the description into force. Its mirror has the hosts' part while none runs.
async fn handoffs(
    config: &Config,
    backends: &Arc<PerBackend<Database>>,
    supervisor: &Supervisor,
) -> Result<Arc<Handoffs>> {
    let metrics = Arc::new(Metrics::new(&config.repositories));
    let recorded = turnout_pipeline::recorded_set(backends).await?;
    let policies = super::policies(config, &metrics, recorded.as_ref()).context(
        "the policies must fit the new description: change them first where they name a repository that goes",
    )?;
    let policies = Arc::new(policies);
    let judge: Arc<dyn Judge> = Arc::new(PolicyJudge::new(
        Arc::clone(&policies),
        config.subjects.clone(),
        metrics,
    ));
    let mirror = Mirror::start(backends, &config.repositories, &judge, supervisor);
    let handoffs = Handoffs::new(
        policies,
        Arc::clone(backends),
        Arc::new(mirror),
        Arc::new(Alerts::default()),
        Arc::clone(&config.repositories),
        (config.subjects.clone(), RecordingKey::of(config.keys.admin())),
        config.handoff_budget,
    )
    .keeping(config.policies.kept)
    .supervised_by(supervisor.clone());
    Ok(Arc::new(handoffs))
}

fn roles(config: &Config) -> Result<PerBackend<String>> {
    Ok(PerBackend {
        old: install::role(config, Backend::Old)?,
        new: install::role(config, Backend::New)?,
    })
}

/// Captures the tables of a description.
struct Installer<'a> {
    config: &'a Config,
    backends: &'a PerBackend<Database>,
    roles: PerBackend<String>,
}

impl Capture for Installer<'_> {
    async fn install(&self, backend: Backend, repositories: &[Repository], rehearse: bool) -> Result<(), NotInstalled> {
        let installation = install::installation(self.config, backend, repositories, &self.roles[backend]);
        self.backends[backend].install(&installation, rehearse).await.map(drop)
    }
}
