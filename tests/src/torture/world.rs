use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::Client;
use sqlx::PgPool;
use tokio::sync::RwLock;
use turnout_vocabulary::PerBackend;

use super::history::Recorder;
use super::hosts::Hosts;
use super::stages::Stages;

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
    /// Answers that no fault excuses, and how often they came.
    pub(crate) surprises: Mutex<BTreeMap<String, usize>>,
}

impl World {
    /// Writes down an answer that no fault excuses.
    pub(crate) fn surprised_by(&self, answer: String) {
        let mut surprises = self.surprises.lock().unwrap_or_else(PoisonError::into_inner);
        *surprises.entry(answer).or_default() += 1;
    }
}
