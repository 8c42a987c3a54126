use std::fmt::{self, Display};
use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use turnout_pipeline::{Provenance, Staleness};
use turnout_vocabulary::{Backend, MirrorState};

/// Adds the headers that say how an answer came about.
pub(crate) fn declare(provenance: Provenance, mut answer: Response) -> Response {
    let Provenance {
        operation,
        epoch,
        backend,
        parts,
        staleness,
        policy,
        database,
        mirror,
    } = provenance;
    let headers = answer.headers_mut();
    let split: Vec<_> = parts.iter().filter_map(|(part, rows)| Some((part, (*rows)?))).collect();
    if split.is_empty() {
        if let Some(backend) = backend {
            headers.insert("x-turnout-backend", HeaderValue::from_static(Backend::as_str(backend)));
        }
    } else {
        set(
            headers,
            "x-turnout-backend",
            &list(split.iter().map(|(part, _)| part.to_string())),
        );
        set(
            headers,
            "x-turnout-parts",
            &list(split.iter().map(|(part, rows)| format!("{part}={rows}"))),
        );
    }
    headers.insert("x-turnout-epoch", epoch.get().into());
    if let Some(mirror) = mirror {
        headers.insert(
            "x-turnout-mirror",
            HeaderValue::from_static(MirrorState::as_str(mirror)),
        );
    }
    match staleness {
        Some(Staleness::Age(age)) => set(headers, "x-turnout-staleness", &age.as_millis().to_string()),
        Some(Staleness::Unknown) => set(headers, "x-turnout-staleness", "unknown"),
        None => {}
    }
    let timing = format!(
        "policy;dur={}, database;dur={}",
        milliseconds(policy),
        milliseconds(database)
    );
    set(headers, "x-turnout-operation", &operation.to_string());
    set(headers, "server-timing", &timing);
    answer
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Sets a header, unless the text has bytes that no header can hold.
fn set(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// A time in milliseconds, with three decimals. Formatting two integers is far cheaper than formatting a float.
fn milliseconds(time: Duration) -> impl Display {
    let micros = time.as_micros();
    fmt::from_fn(move |f| write!(f, "{}.{:03}", micros / 1000, micros % 1000))
}
