//! Torture: bots work through real hosts on real databases while a schedule of faults breaks hosts, databases and networks. Afterwards
//! every write must be where its answer said.
//!
//! One seed decides all choices, so each run with the same seed meets the same faults at the same times. How much the bots get done
//! meanwhile depends on the machine.
//!
//! - `schedule`: the faults and their times; `faults` and `shipping`: carry them out; `modules`: the policy modules that are shipped.
//! - `trouble`: changes of settings, sessions and hosts that get in the way although nothing is broken.
//! - `notes`: administrators who write a table of their own past Turnout, and alter it.
//! - `bot`: the users of the application; `job`: the next operation of a bot; `rows`: the rows it works on; `call`, `transaction`
//!   and `direct`: the ways to carry it out; `ending`: the meaning of its answer.
//! - `handed`: rows whose subject changes.
//! - `history`: all operations and their answers; `spec`: the behaviour of one row; `linearizability`: whether a history fits it;
//!   `atomic`: operations that must be done to all of their rows or to none.
//! - `verdict`: asks the questions of `check` in the end; `calm`: waits until the system has recovered; `last_look`: reads all rows
//!   as their subjects; `sides`: reads both databases.

mod atomic;
mod bot;
mod call;
mod calm;
mod check;
mod dice;
mod direct;
mod ending;
mod faults;
mod handed;
mod history;
mod hosts;
mod job;
mod last_look;
mod linearizability;
mod lost;
mod modules;
mod notes;
mod options;
mod part;
mod report;
mod rows;
mod schedule;
mod shipping;
mod sides;
mod spec;
mod stages;
mod transaction;
mod trouble;
mod verdict;
mod world;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures::FutureExt;
use futures::future::try_join_all;
use rand::RngExt;
use reqwest::{Client, Url};
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use turnout_vocabulary::PerBackend;

use crate::{Proxy, Site};
use dice::dice;
use history::Recorder;
use hosts::Hosts;
use notes::Notes;
use rows::Group;
use schedule::Lane;
use shipping::Shipping;
use trouble::{Strangers, Troubles};
use verdict::Verdict;
use world::World;

pub use check::Check;
pub use notes::Deed;
pub use options::Options;
pub use part::{Part, Way};
pub use report::{Operations, Report};
pub use schedule::{Event, Shock};
pub use stages::{Stage, Stages};
pub use trouble::Trouble;

/// How long a bot waits for an answer. It is less than the longest time that a host is frozen, so that some bots give up.
const PATIENCE: Duration = Duration::from_secs(6);

/// The choosers of the bots, of the handed rows and of the run itself. They differ from those of the lanes, so that each has dice of its
/// own.
const BOTS: u64 = 100;
const HANDING: u64 = 90;
const RUN: u64 = 99;

/// Carries out one run.
///
/// # Errors
/// If the run can't be carried out. What the run finds wrong is in the report, and not an error.
pub async fn run(options: Options) -> Result<Report> {
    // A panic during the run must not hide the seed.
    let run = AssertUnwindSafe(Box::pin(torture(options))).catch_unwind();
    run.await
        .unwrap_or_else(|_panic| Err(anyhow!("a panic, printed above")))
        .with_context(|| format!("torture with seed {} could not be carried out", options.seed))
}

async fn torture(options: Options) -> Result<Report> {
    let Options {
        seed,
        duration,
        stages,
        stages_move,
        checks,
        ..
    } = options;
    let mut site = Site::set_up().await?;
    let proxies = PerBackend {
        old: proxy(site.old.url()).await?,
        new: proxy(site.new.url()).await?,
    };
    let strangers = prepare(&site, &proxies, stages).await?;
    let hosts = if dice(seed, RUN).random_ratio(3, 4) { 2 } else { 1 };
    let world = Arc::new(World {
        hosts: Hosts::start(site.config(), hosts).await?,
        client: Client::builder().timeout(PATIENCE).build()?,
        databases: PerBackend {
            old: direct::connections(site.old.url())?,
            new: direct::connections(site.new.url())?,
        },
        recorder: Recorder::default(),
        settled: RwLock::new(Some(stages)),
        whole: RwLock::default(),
        rejoined: AtomicUsize::new(0),
        surprises: Mutex::default(),
    });

    let over = Arc::new(AtomicBool::new(false));
    let mut bots = bots(&world, seed, &over);
    let mut handing = JoinSet::new();
    // If nothing is mirrored, no row can be handed over.
    for row in (0..handed::ROWS).filter(|_| stages_move) {
        let dice = dice(seed, HANDING + row as u64);
        handing.spawn(handed::around(Arc::clone(&world), row, dice, Arc::clone(&over)));
    }
    let mut person = JoinSet::new();
    person.spawn(faults::rejoin_restored(Arc::clone(&world)));
    let began = Instant::now();
    let draw = |lane: Lane| lane.draw(&options);
    let (database, network) = (
        PerBackend::from_fn(|backend| draw(Lane::Database(backend))),
        PerBackend::from_fn(|backend| draw(Lane::Network(backend))),
    );
    let host: Vec<_> = (0..hosts).map(|place| draw(Lane::Host(place))).collect();
    let policies = draw(Lane::Policies);
    let (troubles, deeds) = (draw(Lane::Troubles), draw(Lane::Notes));
    let mut schedule: Vec<_> = host
        .iter()
        .chain([
            &policies,
            &deeds,
            &troubles,
            &database.old,
            &database.new,
            &network.old,
            &network.new,
        ])
        .flatten()
        .copied()
        .collect();
    schedule.sort_by_key(|event| event.at);

    let shipping = Shipping::new(&world, site.policies(), stages)?;
    let (.., shipped, notes) = tokio::try_join!(
        try_join_all(host.into_iter().map(|events| faults::host(&world, began, events))),
        faults::database(&world, &mut site.old, began, database.old),
        faults::database(&world, &mut site.new, began, database.new),
        faults::network(&proxies.old, began, network.old),
        faults::network(&proxies.new, began, network.new),
        Troubles::new(&world, strangers).follow(began, troubles),
        shipping.follow(began, policies),
        Notes::new(&world).follow(began, deeds),
    )?;
    sleep_until(began + duration).await;
    over.store(true, Ordering::Relaxed);
    while let Some(bot) = bots.join_next().await {
        bot?;
    }
    let handed = handing.join_all().await;

    let Verdict { wrong, histories } = verdict::reach(&world, &handed, &notes, checks).await?;
    let mut logs = Vec::new();
    for place in 0..hosts {
        logs.push(world.hosts.log(place).await);
    }
    Ok(Report {
        seed,
        duration,
        schedule,
        shipped,
        deeds: notes.came().to_vec(),
        handed_over: handed.iter().map(|row| row.times).sum(),
        operations: Operations::count(histories.values().flatten()),
        wrong,
        logs,
    })
}

/// Configures hosts that reach the databases through the proxies, and adds the table that administrators write.
async fn prepare(site: &Site, proxies: &PerBackend<Proxy>, stages: Stages) -> Result<Strangers> {
    let urls = PerBackend {
        old: through(site.old.url(), &proxies.old)?,
        new: through(site.new.url(), &proxies.new)?,
    };
    site.configure(&[
        ("api.request_timeout", "'4s'"),
        ("backends.old.url", &urls.old),
        ("backends.new.url", &urls.new),
        ("backends.old.acquire_timeout", "'1s'"),
        ("backends.new.acquire_timeout", "'1s'"),
        ("backends.old.statement_timeout", "'2s'"),
        ("backends.new.statement_timeout", "'2s'"),
        ("repositories.notes", "{ key = ['id'], subject = 'phone' }"),
    ])?;
    for (side, cluster) in [("old", &site.old), ("new", &site.new)] {
        notes::create(cluster.url()).await?;
        site.turnout(&["install", side])?;
    }
    site.route(&stages.settings(0))?;
    Strangers::of(site)
}

/// Starts one or two bots for each group of rows.
fn bots(world: &Arc<World>, seed: u64, over: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut bots = JoinSet::new();
    for (group, number) in Group::all().into_iter().zip((BOTS..).step_by(2)) {
        let group = Arc::new(group);
        let mut first = dice(seed, number);
        if first.random_ratio(2, 3) {
            let second = dice(seed, number + 1);
            bots.spawn(bot::work(
                Arc::clone(world),
                Arc::clone(&group),
                second,
                Arc::clone(over),
            ));
        }
        bots.spawn(bot::work(Arc::clone(world), group, first, Arc::clone(over)));
    }
    bots
}

/// Starts a proxy in front of a database.
async fn proxy(database: &str) -> Result<Proxy> {
    let url = Url::parse(database)?;
    let upstream = url
        .host_str()
        .zip(url.port())
        .context("the database's URL has no port")?;
    let upstream: SocketAddr = format!("{}:{}", upstream.0, upstream.1).parse()?;
    Ok(Proxy::start(upstream).await?)
}

/// The URL of a database through its proxy, as a value of TOML.
fn through(database: &str, proxy: &Proxy) -> Result<String> {
    let mut url = Url::parse(database)?;
    url.set_port(Some(proxy.address().port()))
        .map_err(|()| anyhow!("the database's URL takes no port"))?;
    Ok(format!("'{url}'"))
}
