use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use turnout_supervisor::{Need, Supervisor, Task};

use super::Connections;
use crate::schema::SchemaCache;

/// The channel that applications tell PostgREST on that they have changed their schema: `notify pgrst, 'reload schema'`.
const CHANNEL: &str = "pgrst";

/// How long nobody listens after the session broke.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the task of this name that has the schema read anew when the application says that it changed, and whenever that may have been
/// said while nobody listened. Needs a tokio runtime.
pub(crate) fn listen(
    supervisor: &Supervisor,
    name: &str,
    connections: Arc<Connections>,
    schemas: Arc<SchemaCache>,
) -> Task {
    supervisor.keep(name, Need::Optional, move || {
        let (connections, schemas) = (Arc::clone(&connections), Arc::clone(&schemas));
        async move {
            let changed = Notify::new();
            // The schema is read anyway when the host starts.
            let is_first = AtomicBool::new(true);
            let heard = |message: &str| {
                let begins = message.is_empty() && is_first.swap(false, Ordering::Relaxed);
                if !begins && matches!(message, "" | "reload schema") {
                    changed.notify_one();
                }
            };
            let listening = async {
                loop {
                    if let Err(reason) = connections.wire.listen(CHANNEL, &heard).await {
                        tracing::debug!(backend = %connections.backend(), reason, "nobody listens for changes of the schema");
                    }
                    sleep(PAUSE).await;
                }
            };
            let reading = async {
                loop {
                    changed.notified().await;
                    schemas.announce();
                    match schemas.read(&connections).await {
                        Ok(_) => tracing::info!(backend = %connections.backend(), "the schema was read anew"),
                        Err(error) => {
                            tracing::warn!(backend = %connections.backend(), %error, "the schema could not be read anew");
                        }
                    }
                }
            };
            tokio::join!(listening, reading);
        }
    })
}
