use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use turnout_backends::{Database, Error};
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Backend, PerBackend};

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{refusal, refuse};

/// The answer of `GET /v1/mirror/parked`: the first thousand parked keys of each side, by the side that holds their rows. `None` for a side
/// that cannot be asked or has no installation. Keys may be personal data.
pub type Parked = PerBackend<Option<Vec<ParkedKey>>>;

/// A parked key.
#[derive(Serialize, Deserialize)]
pub struct ParkedKey {
    /// The table.
    pub table: String,
    /// The key as a JSON object.
    pub key: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it could not be applied, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that it violates, or what else is to blame.
    pub reason: String,
}

impl From<turnout_backends::ParkedKey> for ParkedKey {
    fn from(parked: turnout_backends::ParkedKey) -> Self {
        let turnout_backends::ParkedKey {
            schema: _,
            table,
            key,
            attempts,
            sqlstate,
            reason,
        } = parked;
        Self {
            table,
            key,
            attempts,
            sqlstate,
            reason,
        }
    }
}

/// The answer of `POST /v1/mirror/retry` and `POST /v1/mirror/drop`: how many keys were treated, by the side that holds their rows. `None`
/// for a side that was not asked or has no installation.
pub type Treated = PerBackend<Option<i64>>;

/// The body of both requests: which parked keys they are about.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chosen {
    /// Only keys of this repository; without it, keys of every repository.
    pub repository: Option<String>,
    /// Only keys whose rows are on this side; without it, keys of both sides.
    pub source: Option<Backend>,
}

pub(crate) async fn parked(State(host): State<Arc<Host>>) -> Json<Parked> {
    let (old, new) = tokio::join!(parked_on(&host, Backend::Old), parked_on(&host, Backend::New));
    Json(PerBackend { old, new })
}

async fn parked_on(host: &Host, backend: Backend) -> Option<Vec<ParkedKey>> {
    let database = &host.pipeline.backends[backend];
    if !database.schema().await.ok()?.installed {
        return None;
    }
    let parked = database.parked().await.ok()?;
    Some(parked.into_iter().map(ParkedKey::from).collect())
}

pub(crate) async fn retry(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let retry = async |database: &Database, name: Option<&str>| database.retry_parked(name).await;
    answer(treat(&host, &body, "parked keys are tried again", retry).await)
}

pub(crate) async fn give_up(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    let give_up = async |database: &Database, name: Option<&str>| database.drop_parked(name).await;
    answer(treat(&host, &body, "parked keys are given up", give_up).await)
}

/// Does `act` to the chosen keys and wakes the appliers. `what` is the line for the log.
async fn treat(
    host: &Host,
    body: &Bytes,
    what: &str,
    act: impl AsyncFn(&Database, Option<&str>) -> Result<i64, Error>,
) -> Result<Treated, Refusal> {
    let Chosen { repository, source } = read(body)?;
    if let Some(name) = &repository
        && host.pipeline.repository(name).is_none()
    {
        return Err(Refusal::invalid_request(format!("There is no repository {name}.")));
    }
    let of_backend = |error: Error| refusal::of(error.into(), &host.labels);
    let mut treated = Treated::default();
    for (backend, database) in host.pipeline.backends.iter() {
        if source.is_some_and(|source| source != backend) || !database.schema().await.map_err(of_backend)?.installed {
            continue;
        }
        let keys = act(database, repository.as_deref()).await.map_err(of_backend)?;
        tracing::info!(source = %backend, repository, keys, "{what}");
        treated[backend] = Some(keys);
        host.pipeline.mirror.hurry(backend);
    }
    Ok(treated)
}

fn answer(treated: Result<Treated, Refusal>) -> Response {
    match treated {
        Ok(treated) => Json(treated).into_response(),
        Err(refusal) => refuse(refusal),
    }
}
