//! `/rest/v1/{repository}`: a request of the PostgREST dialect becomes an operation, its outcome an answer.

pub(crate) mod provenance;
pub(crate) mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use turnout_postgrest::{Call, Refusal};
use turnout_vocabulary::{Operation, OperationId, Repository, Subject};

use crate::Host;

/// How long an application should wait for what could not be had: a place, a decision or a backend. One that is back is
/// found within a quarter of a second.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Names the subject of a request whose filter or rows do not.
const SUBJECT: &str = "x-turnout-subject";

/// Keys and limits are not layers here: every layer costs every operation microseconds.
pub(crate) async fn serve(State(host): State<Arc<Host>>, Path(name): Path<String>, request: Request) -> Response {
    let id = OperationId::generate();
    let answer = match host.keys.check(request.headers()) {
        // Boxed: every layer above would move these kilobytes with its own.
        Ok(()) => host.gate.within(Box::pin(operate(&host, id, &name, request))).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(|refusal| {
        tracing::debug!(operation = %id, code = refusal.code(), "refused");
        provenance::declare(host.pipeline.undone(id), refuse(refusal))
    })
}

/// Makes a request an operation, and its outcome an answer.
async fn operate(host: &Host, id: OperationId, name: &str, request: Request) -> Result<Response, Refusal> {
    let (repository, named_subject, Call { request, answer }) = read(host, name, request).await?;
    let operation = Operation {
        id,
        repository: repository.id,
        named_subject,
        request,
    };
    let (provenance, result) = host.pipeline.run(operation).await;
    let response = match result {
        Ok(outcome) => turnout_postgrest::answer(&answer, repository, outcome).map(Into::into),
        Err(error) => refuse(refusal::of(error, &host.labels)),
    };
    Ok(provenance::declare(provenance, response))
}

/// What a request asks for, of which repository, and the subject that it names beside.
async fn read<'h>(
    host: &'h Host,
    name: &str,
    request: Request,
) -> Result<(&'h Repository, Option<Subject>, Call), Refusal> {
    let repository = host.pipeline.repository(name);
    let repository = repository.ok_or_else(|| Refusal::unknown_table("public", name))?;
    let (
        Parts {
            method, uri, headers, ..
        },
        body,
    ) = request.into_parts();
    let named_subject = subject(host, &headers)?;
    let limit = host.gate.limits.body;
    let body = axum::body::to_bytes(body, limit)
        .await
        .map_err(|_| Refusal::too_large(limit))?;
    let query = uri.query().unwrap_or_default();
    let call = turnout_postgrest::parse(&method, repository, query, &headers, &body)?;
    Ok((repository, named_subject, call))
}

fn subject(host: &Host, headers: &HeaderMap) -> Result<Option<Subject>, Refusal> {
    let Some(text) = headers.get(SUBJECT) else {
        return Ok(None);
    };
    let subject = text
        .to_str()
        .ok()
        .and_then(|text| host.pipeline.rule.normalise(text).ok());
    subject.map(Some).ok_or_else(|| Refusal::invalid_subject(SUBJECT))
}

/// Answers what no route serves.
pub(crate) async fn nowhere() -> Response {
    refuse(Refusal::invalid_path())
}

/// The answer that tells why nothing was done.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    refusal.into_response().map(Into::into)
}
