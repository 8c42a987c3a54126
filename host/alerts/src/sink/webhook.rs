use std::collections::BTreeMap;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use serde::Serialize;
use sha2::Sha256;

use super::{Post, Sink};
use crate::{Raised, WebhookEndpoint};

/// A webhook.
pub(crate) struct Webhook {
    url: Uri,
    secret: Option<String>,
}

/// What is sent, as `docs/alerts.md` has it.
#[derive(Serialize)]
struct Body<'a> {
    at: String,
    severity: &'static str,
    kind: &'static str,
    message: &'a str,
    count: u64,
    fingerprint: String,
    tags: BTreeMap<&'static str, String>,
    version: &'static str,
}

impl Webhook {
    pub(crate) fn new(endpoint: &WebhookEndpoint) -> Self {
        Self {
            url: endpoint.url.clone(),
            secret: endpoint.secret.clone(),
        }
    }
}

impl Sink for Webhook {
    const NAME: &'static str = "webhook";

    fn post(&self, raised: &Raised) -> Post {
        let body = body(raised);
        let mut post = Request::new(Full::new(Bytes::new()));
        *post.method_mut() = http::Method::POST;
        *post.uri_mut() = self.url.clone();
        let headers = post.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("turnout"));
        if let Some(signature) = self.secret.as_deref().and_then(|secret| signature(secret, &body)) {
            headers.insert("x-turnout-signature", signature);
        }
        *post.body_mut() = Full::new(Bytes::from(body));
        post
    }
}

fn body(raised: &Raised) -> Vec<u8> {
    let Raised { at, alert, count } = raised;
    let body = Body {
        at: humantime::format_rfc3339_seconds(*at).to_string(),
        severity: alert.severity.as_str(),
        kind: alert.cause.kind.as_str(),
        message: &alert.message,
        count: *count,
        fingerprint: alert.cause.fingerprint().collect::<Vec<_>>().join("/"),
        tags: alert.tags(),
        version: env!("CARGO_PKG_VERSION"),
    };
    // Texts and numbers always make JSON.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Proves to the receiver that a body comes from who knows the secret.
fn signature(secret: &str, body: &[u8]) -> Option<HeaderValue> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    let code = hex::encode(mac.finalize().into_bytes());
    HeaderValue::from_str(&format!("sha256={code}")).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use turnout_vocabulary::{Action, Backend, Epoch};

    use super::*;
    use crate::{Cause, Component, DualWrite, Kind};

    #[test]
    fn the_body_is_as_documented() {
        let cause = Cause {
            operation: Some(Action::Update),
            ..Cause::new(Kind::Slow, Component::Pipeline)
                .backend(Backend::Old)
                .repository("bookings")
                .dual_write(DualWrite::Slow)
        };
        let raised = Raised {
            at: UNIX_EPOCH + Duration::from_secs(1_796_000_000),
            alert: cause
                .is_critical("the authority took longer than 1000 ms")
                .under(Epoch::new(12)),
            count: 37,
        };
        let body = body(&raised);
        let documented = include_str!("../../../../docs/alerts.md");
        let (_, after) = documented.split_once("```json\n").expect("an example");
        let (example, _) = after.split_once("```").expect("the end of the example");
        let parse = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&body), parse(example.as_bytes()));
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        // The second test case of RFC 4231.
        let signature = signature("Jefe", b"what do ya want for nothing?").unwrap();
        assert_eq!(
            signature,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
