use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use turnout_supervisor::{Need, Supervisor, Task};

use super::Connections;
use crate::schema::{SchemaCache, introspection, read_schema};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long nothing is asked of a backend before the watch looks whether it is still there.
const IDLE: Duration = Duration::from_secs(5);

/// Starts the task of this name that tries to connect when the database is under suspicion, or idle. Its first look at the database comes
/// at once. Needs a tokio runtime.
pub(crate) fn watch(
    supervisor: &Supervisor,
    name: &str,
    connections: Arc<Connections>,
    schemas: Arc<SchemaCache>,
) -> Task {
    supervisor.keep(name, Need::Required, move || {
        let (connections, schemas) = (Arc::clone(&connections), Arc::clone(&schemas));
        // A look that was cut short by a panic is made again.
        connections.reach.suspect();
        async move {
            let reach = &connections.reach;
            loop {
                let began = Instant::now();
                let suspected = timeout(IDLE, reach.suspected()).await.is_ok();
                if !suspected && reach.pulse.answered_since(began) {
                    continue;
                }
                let mut pause = FIRST_PAUSE;
                while let Err(reason) = look(&connections, &schemas).await {
                    reach.go_down(&reason);
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                reach.come_up();
            }
        }
    })
}

/// Connects, and reads the schema anew while it is there: it may be another since the backend was last seen.
async fn look(connections: &Connections, schemas: &SchemaCache) -> Result<(), String> {
    let backend = connections.reach.backend;
    let answer = connections
        .wire
        .look(&introspection(schemas.repositories(), schemas.exposed()))
        .await?;
    match answer.and_then(|answer| read_schema(answer, backend, schemas.repositories())) {
        Ok(schema) => schemas.store(schema),
        // Whoever needs the schema reads it then, and learns what is wrong with it.
        Err(error) => tracing::debug!(%backend, %error, "the schema could not be read"),
    }
    Ok(())
}
