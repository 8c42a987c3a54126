use std::fmt;

use http::Uri;
use sentry::types::Dsn;

/// Where alerts are sent.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// A project of Sentry.
    pub sentry: Option<SentryEndpoint>,
    /// A webhook.
    pub webhook: Option<WebhookEndpoint>,
}

/// A project of Sentry. `Debug` hides the DSN.
#[derive(Clone)]
pub struct SentryEndpoint {
    pub(crate) dsn: Dsn,
    pub(crate) url: Uri,
    pub(crate) environment: String,
}

/// A webhook. `Debug` hides the URL and the secret.
#[derive(Clone)]
pub struct WebhookEndpoint {
    pub(crate) url: Uri,
    pub(crate) secret: Option<String>,
}

/// Why nothing can be sent to an endpoint. The value is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No DSN.
    #[error("this is no DSN of Sentry; copy it from the settings of the project (https://KEY@HOST/PROJECT)")]
    Dsn,
    /// No URL.
    #[error("this is no URL that alerts can be sent to; write https://HOST/PATH")]
    Url,
}

impl SentryEndpoint {
    /// The project of this DSN. Its alerts are shown under the environment's name.
    ///
    /// # Errors
    /// [`Unusable::Dsn`].
    pub fn new(dsn: &str, environment: String) -> Result<Self, Unusable> {
        let dsn: Dsn = dsn.trim().parse().map_err(|_| Unusable::Dsn)?;
        let url = dsn.envelope_api_url().as_str().parse().map_err(|_| Unusable::Dsn)?;
        Ok(Self { dsn, url, environment })
    }
}

impl WebhookEndpoint {
    /// The webhook of this URL. With a secret, what is sent is signed.
    ///
    /// # Errors
    /// [`Unusable::Url`].
    pub fn new(url: &str, secret: Option<String>) -> Result<Self, Unusable> {
        let url: Uri = url.trim().parse().map_err(|_| Unusable::Url)?;
        let names_a_host = url.authority().is_some_and(|host| !host.as_str().contains('@'));
        match url.scheme_str() {
            Some("http" | "https") if names_a_host => Ok(Self { url, secret }),
            _ => Err(Unusable::Url),
        }
    }
}

impl fmt::Debug for SentryEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentryEndpoint")
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpoint").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_checked_and_its_secrets_are_not_shown() {
        let sentry = SentryEndpoint::new("https://hidden@sentry.example/42", "production".into()).unwrap();
        assert_eq!(sentry.url, "https://sentry.example/api/42/envelope/");
        let secret = Some("hidden".to_owned());
        let webhook = WebhookEndpoint::new("https://hooks.example/hidden", secret).unwrap();
        assert!(!format!("{sentry:?}{webhook:?}").contains("hidden"));
        for wrong in [
            "",
            "hidden",
            "https://sentry.example/42",
            "https://hidden@sentry.example",
        ] {
            let refused = SentryEndpoint::new(wrong, String::new());
            assert_eq!(refused.unwrap_err(), Unusable::Dsn, "{wrong}");
        }
        for wrong in [
            "",
            "hidden",
            "ftp://hooks.example/hidden",
            "https://hidden@hooks.example/",
        ] {
            let refused = WebhookEndpoint::new(wrong, None);
            assert_eq!(refused.unwrap_err(), Unusable::Url, "{wrong}");
        }
    }
}
