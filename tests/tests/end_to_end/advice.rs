//! A world that only advises, beside the two that decide what is written where: a toy, in hosts inside this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use prometheus_client::registry::Registry;
use sqlx::PgPool;
use tempfile::TempDir;
use turnout_alerts::Alerts;
use turnout_backends::{Database, KeptSets, Settings};
use turnout_handoff::{Handoffs, MirrorMetrics, Parts, PolicyJudge, PromotionRules};
use turnout_mirror::{Judge, Mirror};
use turnout_policies::{
    Acceptance, BreakerLimits, BuiltIn, Policies, PolicyMetrics, PolicySource, TrustedKeys, Worlds,
};
use turnout_runtime::{Options, Runtime, ToyAlerts};
use turnout_supervisor::{Supervisor, Task};
use turnout_tests::{Site, eventually};
use turnout_vocabulary::{
    Action, Backend, MirrorState, PerBackend, RecordingKey, Repository, RepositoryId, SubjectRule, Written,
};

const CLIENTS: RepositoryId = RepositoryId(0);

/// What decides about alerts where nobody has given a file: half a second is slow.
const DEFAULT: BuiltIn = BuiltIn {
    module: include_bytes!("../../../host/policies/src/built_in/dual-write.wasm"),
    settings: "slow = { warning_ms = 500, critical_ms = 1000 }\n",
};

const PATIENT: &str = "slow = { warning_ms = 5000, critical_ms = 10000 }\n";

/// A host that answers no requests.
struct Host {
    handoffs: Arc<Handoffs>,
    _watching: Task,
}

impl Host {
    async fn start(site: &Site, directory: &Path, worlds: Worlds) -> Result<Self> {
        let repositories: Arc<[Repository]> = Arc::new([Repository {
            id: CLIENTS,
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: Some("phone".into()),
            compared: Vec::new(),
        }]);
        let rule = SubjectRule::for_region("RU").context("there is no region RU")?;
        let supervisor = Supervisor::new();
        let open =
            |backend, url: &str| Database::open(backend, Settings::new(url), Arc::clone(&repositories), &supervisor);
        let backends = Arc::new(PerBackend {
            old: open(Backend::Old, site.old.url())?,
            new: open(Backend::New, site.new.url())?,
        });
        let mut registry = Registry::default();
        let policies = Policies::load(
            PolicySource::new(directory, worlds),
            Runtime::new(&Options::default())?,
            Arc::clone(&repositories),
            rule.clone(),
            Acceptance {
                trusted_keys: TrustedKeys::default(),
                exam_budget: Duration::from_secs(10),
            },
            Arc::new(PolicyMetrics::register(&mut registry)),
            None,
        )?;
        let policies = Arc::new(policies);
        let metrics = Arc::new(MirrorMetrics::register(&mut registry, &repositories));
        let judge: Arc<dyn Judge> = Arc::new(PolicyJudge::new(
            Arc::clone(&policies),
            rule.clone(),
            Arc::clone(&metrics),
        ));
        let handoffs = Arc::new(Handoffs::new(&Parts {
            policies,
            mirror: Arc::new(Mirror::start(&backends, &repositories, &judge, &supervisor)),
            backends,
            alerts: Arc::new(Alerts::default()),
            metrics,
            repositories,
            functions: BTreeMap::new(),
            rule,
            supervisor,
            names: RecordingKey::of("key"),
            // A busy machine is slow, and an abandonment makes an epoch more.
            budget: Duration::from_mins(1),
            mirror_age: Duration::from_mins(1),
            kept: KeptSets::default(),
            promotion: PromotionRules::default(),
            host: String::new(),
        }));
        handoffs.begin().await?;
        handoffs.work(BreakerLimits {
            in_a_row: u32::MAX,
            rate: f64::INFINITY,
        });
        Ok(Self {
            _watching: handoffs.watch()?,
            handoffs,
        })
    }

    fn epoch(&self) -> u64 {
        self.handoffs.policies.in_force().epoch.get()
    }

    async fn reaches(&self, epoch: u64) {
        eventually("the epoch is in force", async || {
            let in_force = self.handoffs.policies.in_force();
            (in_force.epoch.get() == epoch && in_force.leaving.is_empty()).then_some(())
        })
        .await;
    }

    /// Of how many alerts a write is the cause that takes 600 ms.
    fn alerts(&self) -> Result<usize> {
        let in_force = self.handoffs.policies.in_force();
        let toy = in_force.advice::<ToyAlerts>().context("the host has no such world")?;
        let alerts = toy.of(None).alerts(&Written {
            action: Action::Insert,
            repository: CLIENTS,
            authority: Backend::Old,
            took: Duration::from_millis(600),
            mirror: MirrorState::Off,
            mirror_took: None,
        })?;
        Ok(alerts.len())
    }
}

/// The fences of both sides.
async fn fences(site: &Site) -> Result<[i64; 2]> {
    let (old, new) = site.databases().await?;
    let fence = async |side: &PgPool| {
        sqlx::query_scalar("select last_value from turnout.fence")
            .fetch_one(side)
            .await
    };
    Ok([fence(&old).await?, fence(&new).await?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn advice_changes_without_a_fence_and_stays_on_record() -> Result<()> {
    let site = Site::set_up().await?;
    let (one, two) = (TempDir::new()?, TempDir::new()?);
    let with_toy = || Worlds::default().with::<ToyAlerts>(DEFAULT);

    // The version of before, which has no such world, leaves a record.
    let before = Host::start(&site, one.path(), Worlds::default()).await?;
    before.reaches(1).await;
    before.handoffs.stop(Duration::from_secs(10)).await;
    drop(before);

    let host = Host::start(&site, one.path(), with_toy()).await?;
    assert_eq!(
        (host.epoch(), host.alerts()?),
        (1, 1),
        "a world without a file has its default"
    );
    let other = Host::start(&site, two.path(), with_toy()).await?;
    let fence = fences(&site).await?;

    // A handoff would wait for this transaction.
    let (old, _) = site.databases().await?;
    let mut open = old.begin().await?;
    sqlx::query("update clients set name = name where id = 2")
        .execute(&mut *open)
        .await?;
    std::fs::write(one.path().join("toy-alerts.toml"), PATIENT)?;
    host.reaches(2).await;
    other.reaches(2).await;
    assert_eq!((host.alerts()?, other.alerts()?), (0, 0));
    open.commit().await?;
    assert_eq!(fences(&site).await?, fence);
    let mut late = old.begin().await?;
    sqlx::query("select set_config('turnout.epoch', '1', true)")
        .execute(&mut *late)
        .await?;
    sqlx::query("update clients set name = name where id = 2")
        .execute(&mut *late)
        .await
        .context("a write of the epoch before is let in")?;
    late.commit().await?;

    // What decides about authority is handed off as ever.
    std::fs::write(two.path().join("routing.toml"), "default = { stage = 'complete' }\n")?;
    host.reaches(3).await;
    other.reaches(3).await;
    assert_eq!(fences(&site).await?, [3, 3]);
    assert_eq!((host.alerts()?, other.alerts()?), (0, 0));
    host.handoffs.stop(Duration::from_secs(10)).await;
    other.handoffs.stop(Duration::from_secs(10)).await;
    drop((host, other));

    let empty = TempDir::new()?;
    let again = Host::start(&site, empty.path(), with_toy()).await?;
    assert_eq!((again.epoch(), again.alerts()?), (3, 0), "the record has it");
    Ok(())
}
