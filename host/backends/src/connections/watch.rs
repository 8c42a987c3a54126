use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::{sleep, timeout};
use turnout_supervisor::{Need, Supervisor, Task};

use super::Connections;
use crate::schema::{SchemaCache, introspect};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long nothing is asked of a backend before the watch looks whether it is still there.
const IDLE: Duration = Duration::from_secs(5);

/// Starts the task of this name that tries to connect when the backend is under suspicion, or idle, with a first look at the
/// backend at once. Needs a tokio runtime.
pub(crate) fn watch(
    supervisor: &Supervisor,
    name: &str,
    connections: Arc<Connections>,
    schemas: Arc<SchemaCache>,
    options: PgConnectOptions,
) -> Task {
    supervisor.keep(name, Need::Required, move || {
        let (connections, schemas, options) = (Arc::clone(&connections), Arc::clone(&schemas), options.clone());
        // A look that was cut short by a panic is made again.
        connections.suspected.notify_one();
        async move {
            loop {
                let began = Instant::now();
                let suspected = timeout(IDLE, connections.suspected.notified()).await.is_ok();
                if !suspected && connections.pulse.answered_since(began) {
                    continue;
                }
                let mut pause = FIRST_PAUSE;
                while let Err(reason) = look(&connections, &schemas, &options).await {
                    connections.go_down(&reason);
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                connections.come_up();
            }
        }
    })
}

/// Connects, and reads the schema anew while it is there: it may be another since the backend was last seen.
async fn look(connections: &Connections, schemas: &SchemaCache, options: &PgConnectOptions) -> Result<(), String> {
    let patience = connections.settings.acquire_timeout;
    let mut connection = match timeout(patience, options.connect()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) if is_full(&error) && connections.pulse.is_up() => return Ok(()),
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err("no connection could be made within the acquire timeout".to_owned()),
    };
    match timeout(
        patience,
        introspect(&mut connection, connections.backend, schemas.repositories()),
    )
    .await
    {
        Ok(Ok(schema)) => schemas.store(schema),
        // Whoever needs the schema reads it then, and learns what is wrong with it.
        Ok(Err(error)) => tracing::debug!(backend = %connections.backend, %error, "the schema could not be read"),
        Err(_) => return Err("it did not answer in time".to_owned()),
    }
    let _ = timeout(patience, connection.close()).await;
    Ok(())
}

/// Whether the server is alive and has no connection to spare (SQLSTATE 53300).
fn is_full(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "53300")
}
