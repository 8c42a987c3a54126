use std::time::Duration;

use tokio::sync::Semaphore;
use turnout_postgrest::Refusal;

use crate::rest::RETRY_AFTER;

/// What one request may cost, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The longest time from the first byte to the answer.
    pub time: Duration,
    /// How many requests are worked on at once.
    pub concurrency: usize,
}

/// The limits, and the places that are free.
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    places: Semaphore,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let places = Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS));
        Self { limits, places }
    }

    /// The answer, or its refusal: 503 when no place is free, 504 when it takes too long.
    pub(crate) async fn within<T>(&self, answer: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let Ok(_place) = self.places.try_acquire() else {
            let message = "As many requests as allowed are being worked on; nothing was done";
            return Err(Refusal::unavailable(message, Some(RETRY_AFTER)));
        };
        let late = |_| Err(Refusal::timed_out(self.limits.time));
        tokio::time::timeout(self.limits.time, answer)
            .await
            .unwrap_or_else(late)
    }
}
