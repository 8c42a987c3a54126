use std::time::{Duration, Instant};

/// How long a condition may take to come true: far longer than on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long the condition is left alone between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `look` finds something, and returns it.
///
/// # Panics
/// If it finds nothing for a minute; the message names `what` was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for this: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
