use tokio::task::JoinHandle;

/// A supervised task. It is aborted when this is dropped.
#[must_use = "the task is aborted when this is dropped; `detach` lets it run on"]
#[derive(Debug)]
pub struct Task(Option<JoinHandle<()>>);

impl Task {
    pub(crate) fn new(handle: JoinHandle<()>) -> Self {
        Self(Some(handle))
    }

    /// Lets the task run as long as the runtime does.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Waits until the task has ended by itself.
    pub async fn ended(mut self) {
        if let Some(handle) = &mut self.0 {
            let _ = handle.await;
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}
