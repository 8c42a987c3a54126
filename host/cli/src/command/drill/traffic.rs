use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use turnout_vocabulary::Backend;

use crate::command::running::Running;

/// A read of the rows that a table has of the cohort.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) table: String,
    pub(super) schema: String,
    pub(super) column: String,
    pub(super) subject: String,
}

/// One operation of the drill.
pub(super) struct Operation {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) answer: Answer,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This side answered.
    From(Backend),
    /// The host refused it.
    Refused,
    /// No answer came.
    Lost,
}

/// Reads the cohort's rows through the host, again and again.
pub(super) struct Traffic {
    stop: watch::Sender<bool>,
    running: JoinHandle<Vec<Operation>>,
}

impl Traffic {
    /// Begins to make so many reads a second, each of the queries in turn.
    pub(super) fn start(host: &Arc<Running>, queries: Vec<Query>, a_second: u32) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let host = Arc::clone(host);
        let running = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / a_second.max(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (mut under_way, mut done) = (JoinSet::new(), Vec::new());
            for query in queries.iter().cycle() {
                tokio::select! {
                    _ = stopped.changed() => break,
                    _ = ticks.tick() => {}
                }
                let (host, query) = (Arc::clone(&host), query.clone());
                under_way.spawn(async move { read(&host, &query).await });
                while let Some(finished) = under_way.try_join_next() {
                    done.extend(finished.ok());
                }
            }
            done.extend(under_way.join_all().await);
            done
        });
        Self { stop, running }
    }

    /// Makes no more reads.
    pub(super) fn cease(&self) {
        self.stop.send_replace(true);
    }

    /// Makes no more reads, and waits for those that are under way.
    pub(super) async fn stop(self) -> Vec<Operation> {
        self.cease();
        self.running.await.unwrap_or_default()
    }
}

/// The side that answers a read of the cohort now.
pub(super) async fn authority(host: &Running, query: &Query) -> Result<Backend> {
    match read(host, query).await.answer {
        Answer::From(backend) => Ok(backend),
        Answer::Refused | Answer::Lost => bail!("the host does not answer reads of the cohort"),
    }
}

async fn read(host: &Running, query: &Query) -> Operation {
    let began = Instant::now();
    let answer = match host.read(query).await {
        Ok(Some(backend)) => Answer::From(backend),
        Ok(None) => Answer::Refused,
        Err(_) => Answer::Lost,
    };
    Operation {
        began,
        ended: Instant::now(),
        answer,
    }
}

impl Running {
    /// Reads rows as the application does; which side answered, or `None` if the host refused.
    async fn read(&self, query: &Query) -> reqwest::Result<Option<Backend>> {
        let path = format!("/rest/v1/{}", query.table);
        let request = self
            .request(&path)
            .query(&[(&query.column, format!("eq.{}", query.subject))])
            .header("accept-profile", &query.schema);
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        answer.bytes().await?;
        let said = headers.get("x-turnout-backend").and_then(|name| name.to_str().ok());
        let backend = Backend::ALL.into_iter().find(|backend| said == Some(backend.as_str()));
        Ok(backend.filter(|_| status.is_success()))
    }
}
