use axum::response::Response;
use http::HeaderValue;
use turnout_pipeline::Provenance;
use turnout_vocabulary::Backend;

/// Says in the headers of an answer how it came about.
pub(super) fn declare(provenance: Provenance, mut answer: Response) -> Response {
    let Provenance {
        operation,
        epoch,
        backend,
        policy,
        database,
    } = provenance;
    let headers = answer.headers_mut();
    if let Some(backend) = backend {
        headers.insert("x-turnout-backend", HeaderValue::from_static(Backend::as_str(backend)));
    }
    headers.insert("x-turnout-epoch", epoch.get().into());
    let timing = format!(
        "policy;dur={:.3}, database;dur={:.3}",
        policy.as_secs_f64() * 1000.0,
        database.as_secs_f64() * 1000.0
    );
    for (name, value) in [
        ("x-turnout-operation", operation.to_string()),
        ("server-timing", timing),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    answer
}
