use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{sleep, timeout};
use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::{Database, Error, Evidence};
use turnout_policies::Policies;
use turnout_supervisor::{Need, Supervisor};
use turnout_vocabulary::{PerBackend, Repository};

use crate::state::{Change, State};

/// The kind of the evidence.
const KIND: &str = "drift";

/// How long is rested after a look at least, whatever the application announces.
const PAUSE: Duration = Duration::from_secs(1);

/// How many changes an alert names.
const NAMED: usize = 10;

/// What a watch over both schemas works with.
pub struct Parts {
    /// The two databases.
    pub sides: Arc<PerBackend<Database>>,
    /// The tables served.
    pub repositories: Arc<[Repository]>,
    /// The policies in force, for their epoch.
    pub policies: Arc<Policies>,
    /// What people should hear of.
    pub alerts: Arc<Alerts>,
    /// How often to look.
    pub every: Duration,
    /// The machine that this host runs on.
    pub host: String,
}

/// Watches both schemas.
pub struct Drift(Parts);

/// What a look found, as it is kept.
#[derive(Serialize)]
struct Looked<'a> {
    /// What changed since the look before; nothing at the first.
    changes: &'a [Change],
    #[serde(flatten)]
    state: &'a State,
}

impl Drift {
    /// A watch that is made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Starts the task that looks, for as long as the host lives. Must be called inside a tokio runtime.
    pub fn work(self, supervisor: &Supervisor) {
        let drift = Arc::new(self);
        let task = supervisor.keep("schema-drift", Need::Optional, move || Arc::clone(&drift).watch());
        task.detach();
    }

    /// Looks now and then, and at once when the application says that it changed its schema.
    async fn watch(self: Arc<Self>) {
        let PerBackend { old, new } = &*self.0.sides;
        let (mut old, mut new) = (old.schema_announcements(), new.schema_announcements());
        loop {
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "the schemas of both sides can't be compared now");
            }
            sleep(PAUSE).await;
            let announced = async {
                tokio::select! {
                    _ = old.changed() => {}
                    _ = new.changed() => {}
                }
            };
            // Without an announcement the time is over.
            let _ = timeout(self.0.every.saturating_sub(PAUSE), announced).await;
        }
    }

    /// Compares both schemas, and keeps and tells what changed since the look that is on record.
    async fn look(&self) -> Result<(), Error> {
        let Parts {
            sides,
            repositories,
            policies,
            alerts,
            host,
            ..
        } = &self.0;
        for (_, database) in sides.iter() {
            if !database.schema().await?.installed {
                return Ok(());
            }
        }
        // What is on record is read first: a look that began before another host's was kept is not kept after it.
        let last = sides.new.last_evidence(KIND).await?;
        let catalogues = turnout_preflight::catalogues(sides, repositories).await?;
        let state = State::of(turnout_preflight::differences(&catalogues));
        let mut names: Vec<String> = repositories.iter().map(|repository| repository.name.clone()).collect();
        names.sort_unstable();
        // A look at other tables says nothing about these.
        let before = last.as_ref().filter(|last| last.repositories == names);
        let before: Option<State> = before.and_then(|last| serde_json::from_value(last.result.clone()).ok());
        if before.as_ref() == Some(&state) {
            return Ok(());
        }
        let changes = before.map_or_else(Vec::new, |before| state.since(&before));
        let epoch = policies.in_force().epoch;
        let looked = Looked {
            changes: &changes,
            state: &state,
        };
        let evidence = Evidence {
            kind: KIND,
            host,
            version: env!("CARGO_PKG_VERSION"),
            epoch: Some(epoch),
            repositories: &names,
            // Texts always are JSON.
            result: &serde_json::to_string(&looked).unwrap_or_default(),
        };
        let kept = sides
            .new
            .add_evidence_after(last.map_or(0, |last| last.number), &evidence)
            .await?;
        if let Some(number) = kept.filter(|_| !changes.is_empty()) {
            let cause = Cause::new(Kind::Drift, Component::Backends);
            alerts.raise(cause.warns(in_words(&changes, number)).under(epoch));
        }
        Ok(())
    }
}

/// What changed, for people.
fn in_words(changes: &[Change], number: i64) -> String {
    let named: Vec<String> = changes.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match changes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" | and {more} more"),
    };
    format!(
        "a schema changed: {}{more}; kept as evidence {number}; run `turnout preflight` before authority moves",
        named.join(" | ")
    )
}
