//! The hosts of a run, which are killed and started again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Host;

/// How long to try to start a host. With both databases down a host may refuse to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places where hosts run.
pub(crate) struct Hosts {
    config: PathBuf,
    places: Vec<Place>,
}

#[derive(Default)]
struct Place {
    /// The address of the host of this place, or of the last one.
    address: RwLock<String>,
    /// The logs of this place's hosts that have ended.
    log: Mutex<String>,
    host: tokio::sync::Mutex<Option<Host>>,
}

impl Hosts {
    /// Starts `count` hosts with one configuration.
    pub(crate) async fn start(config: PathBuf, count: usize) -> Result<Self> {
        let places = (0..count).map(|_| Place::default()).collect();
        let hosts = Self { config, places };
        for place in 0..count {
            hosts.launch(place).await?;
        }
        Ok(hosts)
    }

    /// How many places there are.
    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }

    /// The last known address of the host of a place.
    pub(crate) fn address(&self, place: usize) -> String {
        self.places[place]
            .address
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts a host at a place that has none.
    pub(crate) async fn launch(&self, place: usize) -> Result<()> {
        let began = Instant::now();
        let host = loop {
            match Host::start(&self.config, &[]).await {
                Ok(host) => break host,
                Err(error) if began.elapsed() > PATIENCE => return Err(error).context("a host does not start again"),
                Err(_) => {}
            }
        };
        let place = &self.places[place];
        host.address()
            .clone_into(&mut place.address.write().unwrap_or_else(PoisonError::into_inner));
        *place.host.lock().await = Some(host);
        Ok(())
    }

    /// Kills the host of a place, also if it is frozen.
    pub(crate) async fn kill(&self, place: usize) {
        let place = &self.places[place];
        if let Some(host) = place.host.lock().await.take() {
            *place.log.lock().unwrap_or_else(PoisonError::into_inner) += &host.log();
        }
    }

    /// Sends the host of a place a signal that the host can't ignore.
    pub(crate) async fn signal(&self, place: usize, signal: Signal) -> Result<()> {
        if let Some(host) = &*self.places[place].host.lock().await {
            kill(Pid::from_raw(i32::try_from(host.pid())?), signal)?;
        }
        Ok(())
    }

    /// The logs of all hosts of a place.
    pub(crate) async fn log(&self, place: usize) -> String {
        let place = &self.places[place];
        let mut log = place.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(host) = &*place.host.lock().await {
            log += &host.log();
        }
        log
    }
}
