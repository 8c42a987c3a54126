//! `/v1/cleanup`: removes test rows after a review, and puts them back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use turnout_backends::KeptCleanup;
use turnout_cleanup::{Asked, Cleaned, Error, GoingRow};
use turnout_postgrest::{Refusal, parse};
use turnout_vocabulary::{Backend, Filter, PerBackend, Repository, Request};

use super::read;
use super::sent::Sent;
use crate::Host;
use crate::rest::{RETRY_AFTER, refusal, refuse};

/// The key that opens these paths, as the evidence names it.
const BY: &str = "api.admin_key";

/// Parameters of a query that are no filters.
const NO_FILTERS: [&str; 6] = ["select", "order", "limit", "offset", "columns", "on_conflict"];

/// The body of `POST /v1/cleanup`. The answer is a [`CleanupReport`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleanupRequest {
    /// The repository.
    pub repository: String,
    /// Which of its rows, as a query of the PostgREST dialect (`phone=like.899900*`); all without it.
    #[serde(default)]
    pub filter: String,
    /// Whether the rows are removed; otherwise it is a dry run.
    #[serde(default)]
    pub execute: bool,
    /// How many rows are to go in all, as a dry run said.
    pub expect: Option<u64>,
}

/// What a cleanup removes or would remove.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanupReport {
    /// How many rows in all, those included that refer to others.
    pub rows: u64,
    /// Whether the policy and the host agree.
    pub agreed: bool,
    /// Why not, in words that name keys and no other values.
    pub reasons: Vec<String>,
    /// How many rows of each repository and authority.
    pub counts: Vec<CleanupCount>,
    /// The first rows that the filter matches.
    pub samples: Vec<CleanupRow>,
    /// All rows that refer to others that go.
    pub referring: Vec<CleanupRow>,
    /// The id that puts the rows back; `None` after a dry run.
    pub undo: Option<String>,
    /// What was removed from each side; `None` where nothing was.
    pub removed: PerBackend<Option<CleanupRemoved>>,
}

/// How many rows of a repository go from one authority.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanupCount {
    /// The repository.
    pub repository: String,
    /// The authority.
    pub backend: Backend,
    /// How many the filter matches.
    pub requested: u64,
    /// How many refer to others that go.
    pub referring: u64,
    /// How many of both the policy takes for test rows.
    pub marked: u64,
    /// How many the table has there, counted up to a million.
    pub table_rows: u64,
}

/// A row. Personal data: only the administrator's key opens it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanupRow {
    /// The repository.
    pub repository: String,
    /// The authority.
    pub backend: Backend,
    /// The key as a JSON object.
    pub key: String,
    /// The text of each column by its name.
    pub row: Map<String, Value>,
}

/// What was removed from one side.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanupRemoved {
    /// How many rows.
    pub rows: u64,
    /// How far the other side has followed: `done`, `pending`, `parked` or `off`.
    pub mirror: String,
}

/// The body of `POST /v1/cleanup/undo`. The answer is a [`UndoReport`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// The id of the cleanup.
    pub id: String,
}

/// What became of the rows of a cleanup that was taken back.
#[derive(Debug, Serialize, Deserialize)]
pub struct UndoReport {
    /// How many rows were put back on each side.
    pub restored: PerBackend<u64>,
    /// How far the other side has followed.
    pub mirror: PerBackend<Option<String>>,
    /// The rows that were not put back, with the reasons.
    pub refused: Vec<NotPutBack>,
}

/// A row that was not put back.
#[derive(Debug, Serialize, Deserialize)]
pub struct NotPutBack {
    /// The repository.
    pub repository: String,
    /// The key as a JSON object.
    pub key: String,
    /// Why not.
    pub reason: String,
}

/// The answer of `GET /v1/cleanup`: the cleanups whose rows are still kept, by the side that has them.
pub type KeptCleanups = PerBackend<Vec<KeptCleanup>>;

pub(crate) async fn clean(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    to_its_end(async move { cleaned(&host, &body).await }).await
}

pub(crate) async fn undo(State(host): State<Arc<Host>>, Sent(body): Sent) -> Response {
    to_its_end(async move { undone(&host, &body).await }).await
}

/// Does a work to its end, even if the client goes away, and answers with its report.
async fn to_its_end<T: Serialize + Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Response {
    match tokio::spawn(work).await {
        Ok(report) => answered(report),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn undone(host: &Host, body: &[u8]) -> Result<UndoReport, Refusal> {
    let UndoRequest { id } = read(body)?;
    let undone = host.cleanups.undo(&id, BY).await.map_err(|error| of(error, host))?;
    let refused = undone.refused.into_iter().map(|row| NotPutBack {
        repository: row.repository,
        key: row.key,
        reason: row.reason,
    });
    Ok(UndoReport {
        restored: undone.restored,
        mirror: undone.mirror.map(|state| state.map(|state| state.as_str().to_owned())),
        refused: refused.collect(),
    })
}

pub(crate) async fn kept(State(host): State<Arc<Host>>) -> Response {
    answered(host.cleanups.kept().await.map_err(|error| of(error, &host)))
}

fn answered(report: Result<impl Serialize, Refusal>) -> Response {
    report.map_or_else(refuse, |report| Json(report).into_response())
}

async fn cleaned(host: &Host, body: &[u8]) -> Result<CleanupReport, Refusal> {
    let request: CleanupRequest = read(body)?;
    let repository = host.pipeline.repository(&request.repository);
    let repository = repository
        .ok_or_else(|| refusal::unknown_repository(&host.pipeline.repositories, None, &request.repository))?;
    let asked = Asked {
        repository: repository.id,
        filter: filter(host, repository, &request.filter)?,
        by: BY.to_owned(),
        execute: request.execute,
        expected: request.expect,
    };
    let cleaned = host.cleanups.clean(&asked).await.map_err(|error| of(error, host))?;
    if request.execute && cleaned.id.is_none() && !cleaned.review.obstacles.is_empty() {
        let reasons = reasons(&cleaned).join("\n");
        return Err(Refusal::refused("The cleanup is refused; nothing was removed").details(reasons));
    }
    report(host, cleaned)
}

/// The filter of a query that has nothing else. What the dialect would pass over is refused: a mistyped filter must not mean all rows.
fn filter(host: &Host, repository: &Repository, query: &str) -> Result<Filter, Refusal> {
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let name = part.split_once('=').map(|(name, _)| name);
        if name.is_none_or(|name| NO_FILTERS.contains(&name)) {
            return Err(Refusal::invalid_request(format!(
                "`filter` may only have filters such as name=like.*x*, and {} is none: a cleanup is about all rows that match",
                name.unwrap_or("a part without `=`")
            )));
        }
    }
    let call = parse(host.dialect, &Method::GET, repository, query, &HeaderMap::new(), &[])?;
    match call.request {
        Request::Find(find) => Ok(find.filter),
        _ => Err(Refusal::invalid_request(
            "`filter` must be a query of the PostgREST dialect",
        )),
    }
}

fn reasons(cleaned: &Cleaned) -> Vec<String> {
    cleaned.review.obstacles.iter().map(ToString::to_string).collect()
}

fn report(host: &Host, cleaned: Cleaned) -> Result<CleanupReport, Refusal> {
    let name = |id: turnout_vocabulary::RepositoryId| host.pipeline.repositories[usize::from(id.0)].name.clone();
    let row = |row: &GoingRow| CleanupRow {
        repository: name(row.repository),
        backend: row.authority,
        key: row.key.clone(),
        row: row.texts.clone(),
    };
    let reasons = reasons(&cleaned);
    let review = &cleaned.review;
    let counts = review.counts.iter().map(|count| CleanupCount {
        repository: name(count.repository),
        backend: count.backend,
        requested: count.requested,
        referring: count.referring,
        marked: count.marked,
        table_rows: count.table_rows,
    });
    let mut report = CleanupReport {
        rows: review.rows(),
        agreed: reasons.is_empty(),
        reasons,
        counts: counts.collect(),
        samples: review.samples.iter().map(row).collect(),
        referring: review.referring.iter().map(row).collect(),
        undo: cleaned.id.map(|id| id.to_string()),
        removed: PerBackend::default(),
    };
    let mut failure = None;
    for (backend, side) in [(Backend::Old, cleaned.sides.old), (Backend::New, cleaned.sides.new)] {
        match side {
            None => {}
            Some(Ok(removed)) => {
                report.removed[backend] = Some(CleanupRemoved {
                    rows: removed.rows,
                    mirror: removed.mirror.as_str().to_owned(),
                });
            }
            Some(Err(error)) => failure = Some(of(error, host)),
        }
    }
    let done = report.removed.iter().filter_map(|(backend, side)| {
        let rows = side.as_ref()?.rows;
        Some(format!("{rows} rows removed from backend {backend}"))
    });
    let done: Vec<String> = done.collect();
    let all = report.counts.iter().map(|count| count.backend);
    let is_partial =
        report.undo.is_some() && !done.is_empty() && all.into_iter().any(|backend| report.removed[backend].is_none());
    match failure {
        Some(refusal) if done.is_empty() => Err(refusal.hint(format!(
            "It was cleanup {}: `turnout cleanup list` names it if rows were removed all the same.",
            report.undo.as_deref().unwrap_or_default()
        ))),
        Some(refusal) => Err(refusal.into_partial(&undoable(&done, report.undo.as_deref()))),
        None if is_partial => Err(Refusal::refused(
            "The other side has not followed yet, and rows there refer to rows of this one; run the cleanup again",
        )
        .into_partial(&undoable(&done, report.undo.as_deref()))),
        None => Ok(report),
    }
}

fn undoable(done: &[String], id: Option<&str>) -> String {
    format!(
        "{} (`turnout cleanup undo {}`)",
        done.join(", "),
        id.unwrap_or_default()
    )
}

/// Turns an error of a cleanup into a refusal.
fn of(error: Error, host: &Host) -> Refusal {
    match error {
        Error::Backend(turnout_backends::Error::Database(error)) if error.sqlstate == "TN008" => Refusal::refused(
            "Rows changed after they were reviewed, so nothing was removed; look again at the dry run",
        ),
        Error::Backend(turnout_backends::Error::Database(error)) if error.sqlstate == "TN009" => Refusal::refused(
            "PostgreSQL would go on to rows that were not reviewed, or keep some, by a foreign key, a trigger or a rule, so nothing was removed",
        )
        .details(error.details.unwrap_or_default()),
        Error::Backend(error) => refusal::of(error.into(), &host.labels),
        error @ (Error::Undecided(_) | Error::Moving | Error::Aside(_)) => {
            Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))
        }
        error => Refusal::refused(error.to_string()),
    }
}
