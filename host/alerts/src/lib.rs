//! Calls people when it matters: in the log, in the status, by Sentry and by webhook.
//!
//! Whoever finds something that people should hear of calls [`Alerts::raise`], which never waits and never fails. Alerts of one
//! [`Cause`] go to Sentry and the webhook at most once a minute; those that came meanwhile are sent as a number. What could not be sent
//! is counted ([`AlertMetrics`]).
//!
//! - `alert` is what happened: its kind, its severity, what it is about.
//! - `written` makes alerts of what the dual-write policy says of a write.
//! - `groups` holds back what came within a minute of the alert before.
//! - `delivery` carries alerts to one sink: a bounded queue, and a few attempts for each.
//! - `sink` says what is posted where: `sentry` and `webhook` are the two.
//! - `panics` reports panics of the process.

mod alert;
mod alerts;
mod delivery;
mod endpoints;
mod groups;
mod metrics;
mod panics;
mod sink;
mod written;

pub use alert::{Alert, Cause, Component, DualWrite, Kind, Raised};
pub use alerts::Alerts;
pub use endpoints::{Endpoints, SentryEndpoint, Unusable, WebhookEndpoint};
pub use metrics::AlertMetrics;
pub use sink::NoCertificates;
pub use written::{of_failed_write, of_write};
