//! How often, and after which pauses, a statement is tried again that other transactions were in the way of.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How often a statement is tried before the caller hears of it.
pub(super) const ATTEMPTS: u32 = 6;

/// How long the first pause is, about; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

/// How long to wait after so many attempts. It is random, so that two statements that met do not meet again.
pub(super) fn pause(attempts: u32) -> Duration {
    let about = FIRST_PAUSE * 2_u32.pow(attempts - 1);
    let chance = RandomState::new().hash_one(attempts) % 1024;
    about / 2 + about * u32::try_from(chance).unwrap_or_default() / 1024
}
