mod sentry;
mod webhook;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::Raised;
pub(crate) use sentry::Sentry;
pub(crate) use webhook::Webhook;

/// A message, ready to be sent.
pub(crate) type Post = Request<Full<Bytes>>;

/// What sends messages, over HTTP or HTTPS.
pub(crate) type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Who is told of alerts.
pub(crate) trait Sink: Send + Sync + 'static {
    /// The sink's word in metrics and logs.
    const NAME: &'static str;

    /// The message about an alert.
    fn post(&self, raised: &Raised) -> Post;
}

/// The system has no root certificates, so no endpoint could be trusted.
#[derive(Debug, thiserror::Error)]
#[error("alerts can't be sent: {0}; install the certificates of the system (the package ca-certificates)")]
pub struct NoCertificates(#[from] std::io::Error);

/// A client that trusts whom the system trusts.
pub(crate) fn client() -> Result<Client, NoCertificates> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(legacy::Client::builder(TokioExecutor::new()).build(connector))
}
