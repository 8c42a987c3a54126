use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
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

/// The stages in force. They do not change while this is held.
pub(crate) type Standing<'w> = RwLockReadGuard<'w, Stages>;

/// The state that all parts of a run share.
pub(crate) struct World {
    /// The hosts.
    pub(crate) hosts: Hosts,
    /// The application's client.
    pub(crate) client: Client,
    /// Connections to the databases past the proxies, for writes behind Turnout's back.
    pub(crate) databases: PerBackend<PgPool>,
    /// The recorder of all operations.
    pub(crate) recorder: Recorder,
    /// The stages in force; `None` while they change or nobody knows them. Whoever writes behind Turnout's back holds the lock for reading,
    /// so that no stage changes meanwhile.
    pub(crate) settled: RwLock<Option<Stages>>,
    /// Whoever alters a database for a while holds this lock, so that no backup keeps the alteration.
    pub(crate) whole: RwLock<()>,
    /// How often a person has said of a restored side that the other side's rows count.
    pub(crate) rejoined: AtomicUsize,
    /// Answers that no fault excuses, and how often they came.
    pub(crate) surprises: Mutex<BTreeMap<String, usize>>,
}

impl World {
    /// Waits for at most `limit` until the stages are known, and holds them.
    pub(crate) async fn standing(&self, limit: Duration) -> Option<Standing<'_>> {
        let still = async || RwLockReadGuard::try_map(self.settled.read().await, Option::as_ref).ok();
        calm::within(limit, still).await
    }

    /// Repeats a statement at a database until it succeeds. The statement must be idempotent.
    pub(crate) async fn until_done(&self, backend: Backend, sql: &str) -> Result<()> {
        let done = calm::within(RECOVERY, async || run(&self.databases[backend], sql).await.ok());
        done.await
            .ok_or_else(|| anyhow!("{backend} has not done this within {RECOVERY:?}: {sql}"))
    }

    /// Sends an administrator's request to the hosts in turn, until one of them succeeds.
    pub(crate) async fn administer(&self, path: &str, body: &Value) -> Result<()> {
        let done = calm::within(RECOVERY, async || {
            for place in 0..self.hosts.count() {
                if self.administer_once(place, path, body).await.is_some() {
                    return Some(());
                }
            }
            None
        });
        done.await
            .ok_or_else(|| anyhow!("no host has done {path} {body} within {RECOVERY:?}"))
    }

    /// Sends an administrator's request to the host of a place. Nothing if it fails.
    pub(crate) async fn administer_once(&self, place: usize, path: &str, body: &Value) -> Option<()> {
        let url = format!("http://{}{path}", self.hosts.address(place));
        let request = self.client.post(url).header("apikey", Site::ADMIN_KEY).json(body);
        let answer = request.send().await.ok()?;
        answer.status().is_success().then_some(())
    }

    /// Records an answer that no fault excuses.
    pub(crate) fn surprised_by(&self, answer: String) {
        let mut surprises = self.surprises.lock().unwrap_or_else(PoisonError::into_inner);
        *surprises.entry(answer).or_default() += 1;
    }
}
