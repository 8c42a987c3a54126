use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use sentry::protocol::{Event, Level};
use sentry::{ClientOptions, Envelope, Transport};
use turnout_vocabulary::Severity;

use super::{Post, Sink};
use crate::{Raised, SentryEndpoint};

/// The version of the host, as Sentry shows it.
const RELEASE: &str = concat!("turnout@", env!("CARGO_PKG_VERSION"));

/// A project of Sentry.
pub(crate) struct Sentry {
    client: sentry::Client,
    made: Arc<Envelopes>,
    url: Uri,
    auth: HeaderValue,
}

/// The envelopes that Sentry's client made. They are sent as all messages are, not by a transport of Sentry's.
#[derive(Default)]
struct Envelopes(Mutex<Vec<Envelope>>);

impl Transport for Envelopes {
    fn send_envelope(&self, envelope: Envelope) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(envelope);
    }
}

impl Sentry {
    pub(crate) fn new(endpoint: &SentryEndpoint) -> Self {
        let made = Arc::new(Envelopes::default());
        let mut options = ClientOptions::new()
            .release(RELEASE)
            .environment(endpoint.environment.clone())
            .transport(Arc::clone(&made));
        options.dsn = Some(endpoint.dsn.clone());
        let agent = options.user_agent.clone();
        // A key has only such characters as a header may have.
        let mut auth = HeaderValue::from_str(&endpoint.dsn.to_auth(Some(&agent)).to_string())
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        auth.set_sensitive(true);
        Self {
            client: sentry::Client::with_options(options),
            made,
            url: endpoint.url.clone(),
            auth,
        }
    }
}

impl Sink for Sentry {
    const NAME: &'static str = "sentry";

    fn post(&self, raised: &Raised) -> Post {
        self.client.capture_event(event(raised), None);
        let made = std::mem::take(&mut *self.made.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut body = Vec::new();
        for envelope in made {
            // Writing to memory can't fail.
            let _ = envelope.to_writer(&mut body);
        }
        let mut post = Request::new(Full::new(Bytes::from(body)));
        *post.method_mut() = http::Method::POST;
        *post.uri_mut() = self.url.clone();
        let headers = post.headers_mut();
        headers.insert("x-sentry-auth", self.auth.clone());
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-sentry-envelope"),
        );
        post
    }
}

fn event(raised: &Raised) -> Event<'static> {
    let Raised { at, alert, count } = raised;
    let kind = ("kind", alert.cause.kind.as_str().to_owned());
    let tags = alert.tags().into_iter().chain([kind]);
    let fingerprint = alert.cause.fingerprint().map(|part| Cow::Owned(part.to_owned()));
    Event {
        level: match alert.severity {
            Severity::Warning => Level::Warning,
            Severity::Critical => Level::Error,
        },
        fingerprint: Cow::Owned(fingerprint.collect()),
        message: Some(alert.message.clone()),
        logger: Some("turnout".to_owned()),
        timestamp: *at,
        tags: tags.map(|(name, value)| (name.to_owned(), value)).collect(),
        extra: [("count".to_owned(), (*count).into())].into(),
        ..Event::default()
    }
}
