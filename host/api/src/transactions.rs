//! `POST /v1/transactions`: carries out a list of operations on one authority, all or nothing.
//!
//! ```json
//! {
//!   "isolation": "serializable",
//!   "operations": [
//!     {"action": "upsert", "repository": "clients", "rows": {"phone": "89686484488", "name": "A"}, "on_conflict": "phone"},
//!     {"action": "insert", "repository": "bookings",
//!      "rows": {"client_id": {"$ref": "0.rows.0.id"}, "client_phone": "89686484488"}},
//!     {"action": "update", "repository": "clients", "match": {"id": {"$ref": "0.rows.0.id"}}, "rows": {"notes": "came"}},
//!     {"action": "find", "repository": "bookings", "filter": "client_phone=eq.89686484488&order=id.desc&limit=5"}
//!   ]
//! }
//! ```
//!
//! - `filter` is a query of the PostgREST dialect.
//! - `match` asks that columns equal values. `null` asks that a column is null.
//! - `rows` is one object or an array of them. An update takes one object, with the columns that change.
//! - `select`, `on_conflict` and `resolution` have the meaning that they have in the dialect.
//! - `return` may be `minimal`: the answer has a count and no rows.
//! - `{"$ref": "0.rows.0.id"}` stands for a value of the answer to an earlier operation: the operation's place in the list, `rows`,
//!   the place of the row, and the column.
//! - `{"$ref": "0.count"}` stands for the number of rows of that answer.
//! - A reference may stand wherever a column's value may stand in `rows` and in `match`.
//! - Where the authority of rows can differ, the subject of an operation may be a reference only to a value that does not change from one
//!   attempt to the next. A subject that the database generates is refused with `TURNOUT_AUTHORITY`.

mod description;
mod reference;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use turnout_backends::{Error as BackendError, Isolation};
use turnout_pipeline::{Committed, Error, Failed, Provenance, Reason, Step, Transaction};
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Backend, Epoch, MirrorState, OperationId, Outcome};

use crate::Host;
use crate::rest::{RETRY_AFTER, provenance, refusal, refuse};
use description::Description;

/// How many operations a transaction may have.
const MOST: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'b> {
    #[serde(default)]
    isolation: Isolation,
    #[serde(borrow)]
    operations: Vec<Description<'b>>,
}

/// The answer to a transaction that is committed.
#[derive(Serialize)]
struct Answer<'a> {
    results: Vec<Told<'a>>,
    backend: Option<Backend>,
    epoch: Epoch,
    attempts: u32,
    mirror: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Told<'a> {
    Rows(&'a RawValue),
    Count(u64),
}

pub(crate) async fn serve(State(host): State<Arc<Host>>, request: Request) -> Response {
    let id = OperationId::generate();
    let transact = |body| Box::pin(transact(&host, id, body));
    let answer = host.gate.within(request.into_body(), transact).await;
    answer.unwrap_or_else(|refusal| {
        tracing::debug!(operation = %id, code = refusal.code(), "refused");
        provenance::declare(host.pipeline.undone(id), refuse(refusal))
    })
}

async fn transact(host: &Host, id: OperationId, body: Bytes) -> Result<Response, Refusal> {
    let Body { isolation, operations } =
        serde_json::from_slice(&body).map_err(|error| Refusal::invalid_transaction(error.to_string()))?;
    if operations.is_empty() || operations.len() > MOST {
        return Err(Refusal::invalid_transaction(format!(
            "A transaction must have from 1 to {MOST} operations."
        )));
    }
    let transaction = Transaction {
        id,
        isolation,
        steps: steps(host, &operations)?,
    };
    let (provenance, result) = host.pipeline.transact(&transaction).await;
    let response = match result {
        Ok(committed) => answer(&operations, &committed, &provenance)?,
        Err(failed) => refuse(of_failure(failed, host)),
    };
    Ok(provenance::declare(provenance, response))
}

fn steps(host: &Host, operations: &[Description<'_>]) -> Result<Vec<Step>, Refusal> {
    let step = |(place, operation): (usize, &Description<'_>)| {
        let repository = host.pipeline.repository(&operation.repository);
        let repository = repository
            .ok_or_else(|| refusal::unknown_repository(&host.pipeline.repositories, None, &operation.repository))?;
        operation.check(&operations[..place])?;
        Ok(Step {
            repository: repository.id,
            request: operation.request(host.dialect, repository)?,
        })
    };
    let steps = operations.iter().enumerate();
    steps
        .map(|(place, operation)| {
            step((place, operation)).map_err(|refusal: Refusal| refusal.of_operation(Some(place)))
        })
        .collect()
}

fn answer(operations: &[Description], committed: &Committed, provenance: &Provenance) -> Result<Response, Refusal> {
    let results = operations.iter().zip(&committed.outcomes);
    let results = results.map(|(operation, outcome)| tell(operation, outcome));
    let unexpected =
        |_| Refusal::internal("a backend answered with something that is not JSON; the transaction is committed");
    let answer = Answer {
        results: results.collect::<Result<_, _>>().map_err(unexpected)?,
        backend: provenance.backend,
        epoch: provenance.epoch,
        attempts: committed.attempts,
        mirror: provenance.mirror.map(MirrorState::as_str),
    };
    let text = serde_json::to_string(&answer).map_err(unexpected)?;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    Ok(([(CONTENT_TYPE, json)], text).into_response())
}

fn tell<'o>(operation: &Description<'_>, outcome: &'o Outcome) -> Result<Told<'o>, serde_json::Error> {
    if operation.returns_rows() {
        serde_json::from_str(&outcome.body).map(Told::Rows)
    } else {
        Ok(Told::Count(outcome.rows))
    }
}

fn of_failure(failed: Failed, host: &Host) -> Refusal {
    let Failed { step, reason, attempts } = failed;
    let refusal = match reason {
        Reason::Unresolved(reference) => {
            Refusal::dangling_reference(format!("{:?} has no value that can stand here.", reference.to_string()))
        }
        Reason::Contention(Error::Backend(BackendError::Database(error))) => {
            Refusal::contention(attempts, &error.sqlstate, RETRY_AFTER)
        }
        Reason::Contention(error) | Reason::Error(error) => refusal::of(error, &host.labels),
    };
    refusal.of_operation(step)
}
