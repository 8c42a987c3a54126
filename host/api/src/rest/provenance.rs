use std::fmt::{self, Display};
use std::time::Duration;

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
        "policy;dur={}, database;dur={}",
        milliseconds(policy),
        milliseconds(database)
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

/// A time in milliseconds, to the microsecond. Whole numbers are far cheaper to write than fractions.
fn milliseconds(time: Duration) -> impl Display {
    let micros = time.as_micros();
    fmt::from_fn(move |f| write!(f, "{}.{:03}", micros / 1000, micros % 1000))
}
