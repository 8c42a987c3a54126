use std::time::{Duration, Instant};

/// How long a condition may take to come true: far longer than on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait between two looks at the condition.
const PAUSE: Duration = Duration::from_millis(5);

/// Calls `look` again and again until it finds something, and returns that.
///
/// # Panics
/// If `look` finds nothing for a minute. The message names `what` the test waited for.
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
