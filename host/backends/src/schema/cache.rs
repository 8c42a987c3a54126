use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, watch};
use turnout_vocabulary::Repository;

use super::Schema;
use crate::connections::Connections;
use crate::error::Error;

/// How often operations that don't fit the schema may have it read again.
const BETWEEN_READS: Duration = Duration::from_secs(1);

/// The schema as it was last read.
pub(crate) struct SchemaCache {
    repositories: Arc<[Repository]>,
    /// The schemas that are exposed: those named in the settings, then those of the repositories, `public` first.
    exposed: Vec<String>,
    current: ArcSwapOption<Schema>,
    /// When an operation last had it read; held while it is being read.
    last_read: Mutex<Option<Instant>>,
    /// Tells those that wait that the application has changed it.
    announced: watch::Sender<()>,
}

impl SchemaCache {
    pub(crate) fn new(repositories: Arc<[Repository]>, mut exposed: Vec<String>) -> Self {
        let mut schemas: Vec<&String> = repositories.iter().map(|repository| &repository.schema).collect();
        schemas.sort_unstable_by_key(|schema| (*schema != "public", *schema));
        for schema in schemas {
            if !exposed.contains(schema) {
                exposed.push(schema.clone());
            }
        }
        Self {
            repositories,
            exposed,
            current: ArcSwapOption::empty(),
            last_read: Mutex::new(None),
            announced: watch::Sender::new(()),
        }
    }

    pub(crate) fn repositories(&self) -> &[Repository] {
        &self.repositories
    }

    pub(crate) fn exposed(&self) -> &[String] {
        &self.exposed
    }

    pub(crate) fn store(&self, schema: Schema) {
        self.current.store(Some(Arc::new(schema)));
    }

    /// The schema as it was last read; `None` until it has been.
    pub(crate) fn last(&self) -> Option<Arc<Schema>> {
        self.current.load_full()
    }

    /// The schema, read if it has not been yet.
    pub(crate) async fn get(&self, connections: &Connections) -> Result<Arc<Schema>, Error> {
        if let Some(schema) = self.current.load_full() {
            return Ok(schema);
        }
        let mut last_read = self.last_read.lock().await;
        if let Some(schema) = self.current.load_full() {
            return Ok(schema);
        }
        let schema = self.read(connections).await?;
        *last_read = Some(Instant::now());
        Ok(schema)
    }

    /// Another schema than `seen`, if the tables have changed since; otherwise the error that made one suspect so. An error that
    /// only makes a change likely has the tables read at most once a second; [`Error::Outdated`] is certain, and always does.
    pub(crate) async fn newer_than(
        &self,
        seen: &Schema,
        error: Error,
        connections: &Connections,
    ) -> Result<Arc<Schema>, Error> {
        let mut last_read = self.last_read.lock().await;
        let mut current = self.current.load_full();
        let certain = matches!(error, Error::Outdated { .. });
        let may_read = certain || last_read.is_none_or(|read| read.elapsed() >= BETWEEN_READS);
        if may_read && current.as_deref() == Some(seen) {
            current = Some(self.read(connections).await?);
            *last_read = Some(Instant::now());
        }
        current.filter(|schema| **schema != *seen).ok_or(error)
    }

    /// Tells those that wait that the application has changed it.
    pub(crate) fn announce(&self) {
        self.announced.send_replace(());
    }

    /// What tells that the application has changed it.
    pub(crate) fn announcements(&self) -> watch::Receiver<()> {
        self.announced.subscribe()
    }

    /// Reads it anew.
    pub(crate) async fn read(&self, connections: &Connections) -> Result<Arc<Schema>, Error> {
        // Boxed, as it is rare and large.
        let schema = Arc::new(Box::pin(connections.introspect(&self.repositories, &self.exposed)).await?);
        self.current.store(Some(Arc::clone(&schema)));
        Ok(schema)
    }
}
