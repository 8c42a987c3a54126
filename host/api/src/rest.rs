//! `/rest/v1/{repository}`: turns a request of the PostgREST dialect into an operation, and its outcome into an answer.

pub(crate) mod cors;
pub(crate) mod openapi;
mod options;
pub(crate) mod provenance;
pub(crate) mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Method};
use turnout_backends::Error as BackendError;
use turnout_pipeline::Error;
use turnout_postgrest::{Call, Refusal, parse_call};
use turnout_vocabulary::{Caller, Operation, OperationId, Repository, Subject, TransactionSettings, View};

use crate::Host;

/// How long an application should wait before it repeats a request that found no place, no decision or no database. The host notices within
/// a quarter of a second that a database is back.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The header with the subject of a request whose filter and rows name none.
const SUBJECT: &str = "x-turnout-subject";

/// The handler checks keys and limits itself: each layer would cost every operation microseconds.
pub(crate) async fn serve(
    State(host): State<Arc<Host>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    across(&host, request, async |id, request| {
        admit(&host, id, name, request).await
    })
    .await
}

/// Answers a request, which may come from a page of another site.
pub(crate) async fn across(
    host: &Host,
    request: Request,
    answer: impl AsyncFnOnce(OperationId, Request) -> Result<Response, Refusal>,
) -> Response {
    let allowed = host.origins.allowed(request.headers());
    if let Some(preflight) = allowed.as_ref().and_then(|allowed| allowed.preflight(&request)) {
        return preflight;
    }
    let id = OperationId::generate();
    let answer = answer(id, request).await;
    let mut answer = answer.unwrap_or_else(|refusal| refused(host, id, refusal));
    if let Some(allowed) = allowed {
        allowed.declare(&mut answer);
    }
    answer
}

/// Answers a request that never became an operation.
fn refused(host: &Host, id: OperationId, refusal: Refusal) -> Response {
    tracing::debug!(operation = %id, code = refusal.code(), "refused");
    provenance::declare(host.pipeline.undone(id), refuse(refusal))
}

/// Checks a request's key and the limits, then carries it out.
async fn admit(
    host: &Host,
    id: OperationId,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = host.keys.caller(&head)?;
    let Path(name) = name.map_err(|rejection| Refusal::unreadable_path(rejection.body_text()))?;
    if head.method == Method::OPTIONS {
        return options::of_table(host, &head, &name).await;
    }
    let schema = turnout_postgrest::profile(&head.method, &head.headers, host.pipeline.schemas())?;
    // The futures are boxed because each caller above would otherwise move their kilobytes.
    if let Some(repository) = host.pipeline.repository_in(schema, &name) {
        let operate = |body| Box::pin(operate(host, id, repository, caller, head, body));
        return host.gate.within(body, operate).await;
    }
    let read = |body| Box::pin(read_view(host, id, (schema, &name), caller, head, body));
    host.gate.within(body, read).await
}

/// Carries out a request as an operation, and turns its outcome into an answer.
async fn operate(
    host: &Host,
    id: OperationId,
    repository: &Repository,
    caller: Option<Caller>,
    head: Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    let query = head.uri.query().unwrap_or_default();
    let call = turnout_postgrest::parse(host.dialect, &head.method, repository, query, &head.headers, &body)?;
    carry_out(host, id, repository, (caller, &head.headers), call).await
}

/// Reads a view as an operation on the first repository that it is made of.
async fn read_view(
    host: &Host,
    id: OperationId,
    (schema, name): (Option<&str>, &str),
    caller: Option<Caller>,
    head: Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (target, view) = self::view(host, schema, name).await?;
    // What the dialect needs to know of it.
    let shown = Repository {
        name: view.name.clone(),
        table: view.name.clone(),
        schema: view.schema.clone(),
        key: Vec::new(),
        subject: None,
        ..target.clone()
    };
    let query = head.uri.query().unwrap_or_default();
    let mut call = turnout_postgrest::parse(host.dialect, &head.method, &shown, query, &head.headers, &body)?;
    let turnout_vocabulary::Request::Find(find) = &mut call.request else {
        return Err(Refusal::written_view(
            &shown.name,
            (!view.is_foreign).then_some(&target.name),
        ));
    };
    find.view = Some(Box::new(view));
    carry_out(host, id, &shown, (caller, &head.headers), call).await
}

/// The view of that name, and the first repository that it is made of.
async fn view<'h>(host: &'h Host, schema: Option<&str>, name: &str) -> Result<(&'h Repository, View), Refusal> {
    let found = host.pipeline.view(schema, name).await;
    found.map_err(|error| match error {
        BackendError::UnknownTable { .. } => {
            let schema = schema.or(host.pipeline.schemas().first().map(String::as_str));
            refusal::unknown_repository(&host.pipeline.repositories, schema, name)
        }
        error => refusal::of(error.into(), &host.labels),
    })
}

/// `/rest/v1/rpc/{function}`: calls a function.
pub(crate) async fn call(
    State(host): State<Arc<Host>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    across(&host, request, async |id, request| {
        admit_call(&host, id, name, request).await
    })
    .await
}

async fn admit_call(
    host: &Host,
    id: OperationId,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = host.keys.caller(&head)?;
    let Path(name) = name.map_err(|rejection| Refusal::unreadable_path(rejection.body_text()))?;
    if head.method == Method::OPTIONS {
        return options::of_function(host, &head, &name).await;
    }
    let target = host.pipeline.repositories.first().ok_or_else(Refusal::invalid_path)?;
    let schemas: Vec<&str> = host.pipeline.schemas().iter().map(String::as_str).collect();
    let operate = |body: Bytes| {
        Box::pin(async move {
            let query = head.uri.query().unwrap_or_default();
            let function = (&schemas[..], name.as_str());
            let call = parse_call(host.dialect, &head.method, function, query, &head.headers, &body)?;
            carry_out(host, id, target, (caller, &head.headers), call).await
        })
    };
    host.gate.within(body, operate).await
}

async fn carry_out(
    host: &Host,
    id: OperationId,
    repository: &Repository,
    (caller, headers): (Option<Caller>, &HeaderMap),
    call: Call,
) -> Result<Response, Refusal> {
    let Call {
        request,
        transaction,
        mut answer,
    } = call;
    let is_anonymous = caller.as_ref().is_some_and(|caller| caller.is_anonymous);
    let mut operation = Operation {
        id,
        repository: repository.id,
        named_subject: subject(host, headers)?,
        transaction: TransactionSettings { caller, ..transaction },
        request,
    };
    let (mut provenance, mut result) = host.pipeline.run(&operation).await;
    if matches!(&result, Err(Error::Backend(BackendError::UnknownTimezone))) {
        answer.forget_timezone()?;
        operation.transaction.timezone = None;
        (provenance, result) = host.pipeline.run(&operation).await;
    }
    let response = match result {
        Ok(outcome) => turnout_postgrest::answer(&answer, repository, outcome).map(Into::into),
        Err(error) => refuse(refusal::of(error, &host.labels).to_caller(is_anonymous)),
    };
    Ok(provenance::declare(provenance, response))
}

fn subject(host: &Host, headers: &HeaderMap) -> Result<Option<Subject>, Refusal> {
    let Some(text) = headers.get(SUBJECT) else {
        return Ok(None);
    };
    let refused = |reason: &str| Refusal::invalid_subject(SUBJECT, reason);
    let text = std::str::from_utf8(text.as_bytes()).map_err(|_| refused("this is not UTF-8"))?;
    let subject = host.pipeline.rule.normalise(text);
    subject.map(Some).map_err(|error| refused(&error.to_string()))
}

/// Answers a path that no route serves.
pub(crate) async fn nowhere() -> Response {
    refuse(Refusal::invalid_path())
}

/// Answers a method that the path does not serve.
pub(crate) async fn wrong_method(method: Method) -> Response {
    refuse(Refusal::wrong_method(&method))
}

/// The HTTP answer of a refusal.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    refusal.into_response().map(Into::into)
}
