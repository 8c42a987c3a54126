use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;
use tokio::time::sleep;
use turnout_api::{Activated, By, Push, Shipment, ShownEpoch};

use super::WHO;
use super::traffic::Traffic;
use crate::command::running::{Running, understood};

/// How long the cohort stays on the other side.
const STAY: Duration = Duration::from_secs(2);

/// How often the way back is tried, and how long is rested in between.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// When the cohort went there and back.
pub(super) struct Ways {
    pub(super) there: Way,
    pub(super) back: Way,
}

/// One change of authority.
pub(super) struct Way {
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

impl Way {
    pub(super) fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// Puts the settings on trial for the cohort, and takes them back: also after an error, and after SIGINT or SIGTERM. Once the way there has
/// begun nothing cuts it short, because a request that is given up may still be carried out.
pub(super) async fn there_and_back(host: &Running, push: &Push, traffic: &Traffic) -> Result<Ways> {
    let stopped = crate::command::serve::stopped()?;
    let (tell, mut interrupted) = watch::channel(false);
    let listening = tokio::spawn(async move {
        stopped.await;
        // Without a receiver the drill is over.
        let _ = tell.send(true);
    });
    let began = Instant::now();
    let went = host.put("/v1/policies/routing", push).await;
    let there = Way {
        began,
        ended: Instant::now(),
    };
    if went.is_ok() {
        tokio::select! {
            () = sleep(STAY) => {}
            _ = interrupted.changed() => {}
        }
    }
    let began = Instant::now();
    let returned = take_back(host, push, traffic).await;
    let back = Way {
        began,
        ended: Instant::now(),
    };
    listening.abort();
    returned.context(
        "the cohort may still stand on the other side: look at `turnout policy list`, and take the trial back \
         with `turnout policy withdraw`",
    )?;
    let _: Activated = understood(&went.context("the cohort could not be moved, and nothing was changed")?)?;
    ensure!(
        !*interrupted.borrow(),
        "interrupted: the cohort stands where it stood, and nothing was kept"
    );
    Ok(Ways { there, back })
}

/// Ends the trial of these settings, if they are on trial. Where that does not work at once, the load of the drill itself may be too much.
async fn take_back(host: &Running, push: &Push, traffic: &Traffic) -> Result<()> {
    let mut attempt = 1;
    loop {
        match withdraw(host, push).await {
            Err(_) if attempt < ATTEMPTS => {
                traffic.cease();
                attempt += 1;
            }
            done => return done,
        }
        sleep(PAUSE).await;
    }
}

async fn withdraw(host: &Running, push: &Push) -> Result<()> {
    let now = in_force(host).await?;
    let Some(trial) = &now.worlds.routing.trial else {
        return Ok(());
    };
    if push.settings.as_ref() != Some(&trial.settings) {
        bail!("somebody else put another version of the routing policy on trial");
    }
    let by = By {
        who: WHO.to_owned(),
        because: None,
    };
    host.post("/v1/policies/withdraw", &by).await.map(drop)
}

/// The set in force, with its settings.
pub(super) async fn in_force(host: &Running) -> Result<ShownEpoch> {
    let shipments = host.get("/v1/policies").await?;
    let shipments: Vec<Shipment> = understood(&shipments)?;
    let newest = shipments.first().context("no policies are on record yet")?;
    let shown = host.get(&format!("/v1/policies/{}", newest.epoch)).await?;
    understood(&shown)
}

/// Whether two sets have the same modules, settings and trials.
pub(super) fn is_same_set(one: &ShownEpoch, other: &ShownEpoch) -> bool {
    one.worlds.iter().all(|(world, version)| {
        let others = other.worlds.get(world);
        others.is_some_and(|others| {
            (&version.module, &version.settings, &version.trial) == (&others.module, &others.settings, &others.trial)
        })
    })
}
