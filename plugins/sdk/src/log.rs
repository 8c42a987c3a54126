//! The host's log: the one thing that a policy can do beside answering.
//!
//! The host cuts a message after 1,024 bytes and hides what may be a subject. It drops all but the first 16 messages of one call, and what
//! exceeds 100 lines a second. **A message never holds a subject**, so never write the `Debug` of a [`Target`](crate::Target). In a
//! native test, messages go to the test's standard error.

/// Logs a message for whoever writes the policy.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Logs a message that is worth knowing.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Logs a message that a person should look at.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Logs a message that a person must look at.
pub fn error(message: &str) {
    write(Level::Error, message);
}

use crate::bindings::routing::turnout::policy::log::Level;

#[cfg(target_family = "wasm")]
use crate::bindings::routing::turnout::policy::log::log as write;

#[cfg(not(target_family = "wasm"))]
fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
