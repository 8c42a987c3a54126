use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow};
use reqwest::Client;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::{RwLock, RwLockReadGuard};
use turnout_vocabulary::{Backend, PerBackend};

use super::calm;
use super::direct::run;
use super::history::Recorder;
use super::hosts::Hosts;
use super::stages::Stages;
use super::verdict::RECOVERY;
use crate::Site;

/// Where the cohorts stand, held still.
pub(crate) type Standing<'w> = RwLockReadGuard<'w, Stages>;

/// What everybody in a run shares.
pub(crate) struct World {
    /// The hosts.
    pub(crate) hosts: Hosts,
    /// The application's client.
    pub(crate) client: Client,
    /// The databases, behind Turnout's back and past the proxies.
    pub(crate) databases: PerBackend<PgPool>,
    /// What was asked and answered.
    pub(crate) recorder: Recorder,
    /// The stages in force; `None` while they move, or when nobody knows. Whoever writes behind Turnout's back holds
    /// this, so that no stage moves meanwhile.
    pub(crate) settled: RwLock<Option<Stages>>,
    /// Whoever alters a database for a while holds this, so that no backup keeps what is altered.
    pub(crate) whole: RwLock<()>,
    /// Answers that no fault excuses, and how often they came.
    pub(crate) surprises: Mutex<BTreeMap<String, usize>>,
}

impl World {
    /// Where the cohorts stand, as soon as they stand still. They do as long as this is held.
    pub(crate) async fn standing(&self, limit: Duration) -> Option<Standing<'_>> {
        let still = async || RwLockReadGuard::try_map(self.settled.read().await, Option::as_ref).ok();
        calm::within(limit, still).await
    }

    /// Does at a database what can be done twice, until it is done.
    pub(crate) async fn until_done(&self, backend: Backend, sql: &str) -> Result<()> {
        let done = calm::within(RECOVERY, async || run(&self.databases[backend], sql).await.ok());
        done.await
            .ok_or_else(|| anyhow!("{backend} does not do within {RECOVERY:?}: {sql}"))
    }

    /// Has any host do what an administrator asks for, and asks until one has done it.
    pub(crate) async fn administer(&self, path: &str, body: &Value) -> Result<()> {
        let done = calm::within(RECOVERY, async || {
            for place in 0..self.hosts.count() {
                let url = format!("http://{}{path}", self.hosts.address(place));
                let request = self.client.post(url).header("apikey", Site::ADMIN_KEY).json(body);
                if let Ok(answer) = request.send().await
                    && answer.status().is_success()
                {
                    return Some(());
                }
            }
            None
        });
        done.await
            .ok_or_else(|| anyhow!("no host does {path} {body} within {RECOVERY:?}"))
    }

    /// Writes down an answer that no fault excuses.
    pub(crate) fn surprised_by(&self, answer: String) {
        let mut surprises = self.surprises.lock().unwrap_or_else(PoisonError::into_inner);
        *surprises.entry(answer).or_default() += 1;
    }
}
