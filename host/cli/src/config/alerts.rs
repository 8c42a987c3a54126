use std::time::Duration;

use turnout_alerts::{Endpoints, SentryEndpoint, Unusable, WebhookEndpoint};

use super::Environment;
use super::section::Section;

/// How long changes may wait to be mirrored, unless the configuration says, before people hear of it.
const MIRROR_AGE: Duration = Duration::from_mins(1);

/// The sections `alerts`, `sentry` and `webhook`.
#[derive(Debug)]
pub(crate) struct AlertConfig {
    /// How long changes may wait to be mirrored before people hear of it.
    pub(crate) mirror_age: Duration,
    /// Where alerts are sent.
    pub(crate) endpoints: Endpoints,
}

impl AlertConfig {
    pub(super) fn read(root: &mut Section<'_, '_>, environment: Environment<'_>) -> Self {
        let mut alerts = root.section("alerts");
        let mirror_age = alerts.duration("mirror_age").unwrap_or(MIRROR_AGE);
        alerts.finish();

        let mut sentry = root.section("sentry");
        let name: Option<String> = sentry.value("environment");
        let name = name.unwrap_or_else(|| "production".to_owned());
        let project = |dsn: &str| match dsn {
            "" => Ok(None),
            dsn => SentryEndpoint::new(dsn, name.clone()).map(Some),
        };
        let dsn = sentry.optional_secret("dsn", "SENTRY_DSN", environment, |dsn| check(project(dsn)));
        sentry.finish();

        let mut webhook = root.section("webhook");
        let secret = webhook.optional_secret("secret", "TURNOUT_WEBHOOK_SECRET", environment, not_empty);
        let receiver = |url: &str| WebhookEndpoint::new(url, secret.clone());
        let url = webhook.optional_secret("url", "TURNOUT_WEBHOOK_URL", environment, |url| check(receiver(url)));
        webhook.finish();

        Self {
            mirror_age,
            endpoints: Endpoints {
                sentry: dsn.and_then(|dsn| project(&dsn).ok().flatten()),
                webhook: url.and_then(|url| receiver(&url).ok()),
            },
        }
    }
}

fn check<T>(endpoint: Result<T, Unusable>) -> Result<(), String> {
    endpoint.map(drop).map_err(|error| error.to_string())
}

fn not_empty(secret: &str) -> Result<(), String> {
    if secret.is_empty() {
        Err("a secret is not empty".to_owned())
    } else {
        Ok(())
    }
}
