//! Brings another description of the site into force for every host.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use turnout_alerts::Alerts;
use turnout_backends::{Database, NotInstalled};
use turnout_handoff::{Capture, Handoffs, Parts, PolicyJudge, SiteDescription};
use turnout_mirror::{Judge, Mirror};
use turnout_pipeline::Metrics;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, PerBackend, RecordingKey, Repository};

use super::install;
use crate::config::Config;

/// `turnout apply`
pub(crate) fn run(path: &Path) -> Result<()> {
    let config = super::served::load_anew(path)?;
    let mut out = std::io::stdout().lock();
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let backends = Arc::new(super::open(&config, &supervisor)?);
        let Some(recorded) = turnout_handoff::recorded_site(&backends).await? else {
            bail!("no description of the site is on record yet: the first host that starts records the one in its configuration");
        };
        let configured = SiteDescription::of(&config.repositories, &config.functions, &config.subjects);
        let differences = recorded.differences(&configured);
        if differences.is_empty() {
            return Ok(writeln!(out, "nothing was done: the site is described like this already")?);
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
        let (epoch, altered) = handoffs.description.apply(recorded, &capture).await?;
        writeln!(
            out,
            "epoch {epoch} describes the site as {} does; start all hosts with it",
            path.display()
        )?;
        if !altered.is_empty() {
            writeln!(out, "the hosts then compare both sides of {} first", altered.join(", "))?;
        }
        Ok(())
    })
}

/// The handoffs that bring the description into force. All hosts are stopped then, so their mirror does the hosts' work.
async fn handoffs(
    config: &Config,
    backends: &Arc<PerBackend<Database>>,
    supervisor: &Supervisor,
) -> Result<Arc<Handoffs>> {
    let metrics = Metrics::new(&config.repositories);
    let recorded = turnout_handoff::recorded_set(backends).await?;
    let policies = super::policies(config, &metrics.policies, recorded.as_ref()).context(
        "the policies must fit the new description: first change those that still name a removed repository",
    )?;
    let policies = Arc::new(policies);
    let judge: Arc<dyn Judge> = Arc::new(PolicyJudge::new(
        Arc::clone(&policies),
        config.subjects.clone(),
        Arc::clone(&metrics.mirror),
    ));
    let handoffs = Handoffs::new(&Parts {
        policies,
        backends: Arc::clone(backends),
        mirror: Arc::new(Mirror::start(backends, &config.repositories, &judge, supervisor)),
        alerts: Arc::new(Alerts::default()),
        metrics: Arc::clone(&metrics.mirror),
        repositories: Arc::clone(&config.repositories),
        functions: config.functions.clone(),
        rule: config.subjects.clone(),
        supervisor: supervisor.clone(),
        names: RecordingKey::of(config.keys.admin()),
        budget: config.handoff_budget,
        mirror_age: config.alerts.mirror_age,
        kept: config.policies.kept,
        promotion: config.migration.promotion.clone(),
        host: super::machine(),
    });
    Ok(Arc::new(handoffs))
}

fn roles(config: &Config) -> Result<PerBackend<String>> {
    Ok(PerBackend {
        old: install::role(config, Backend::Old)?,
        new: install::role(config, Backend::New)?,
    })
}

/// Installs capture triggers on the tables of a description.
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
