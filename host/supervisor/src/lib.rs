//! Starts the host's long-running tasks under names, and starts again those that end.
//!
//! A [`Supervisor`] knows the state of every task that it started: whether it runs, how often it was restarted and why it last
//! failed. `/v1/status`, `/metrics` and `/readyz` show that.

mod known;
mod pauses;
mod task;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::time::{Instant, sleep};

use known::{Entry, Known};
pub use known::{Failure, TaskState};
use pauses::Pauses;
pub use task::Task;

/// Whether a host may be sent requests while a task is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The host is not ready: the task is needed to serve, or to serve correctly.
    Required,
    /// The host serves as well without it for a while.
    Optional,
}

/// Starts tasks and restarts those that fail. Clones know the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    known: Arc<Known>,
    pauses: Pauses,
}

impl Supervisor {
    /// A supervisor without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that never ends by itself: if it ends or panics, it is started again. `start` makes the future of each start.
    /// Must be called inside a tokio runtime.
    pub fn keep<F>(&self, name: &str, need: Need, start: impl FnMut() -> F + Send + 'static) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, need, true, start)
    }

    /// Runs a task until it ends by itself: only if it panics, it is started again. Tasks of one name may run at the same time.
    /// Must be called inside a tokio runtime.
    pub fn run<F>(&self, name: &str, need: Need, start: impl FnMut() -> F + Send + 'static) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, need, false, start)
    }

    /// All tasks that run, or ran and failed, by name.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskState> {
        self.known.all()
    }

    fn spawn<F>(&self, name: &str, need: Need, endless: bool, mut start: impl FnMut() -> F + Send + 'static) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut entry = Entry::new(&self.known, name, need);
        let pauses = self.pauses;
        Task::new(tokio::spawn(async move {
            let mut pause = pauses.first;
            loop {
                let began = Instant::now();
                let reason = match AssertUnwindSafe(async { start().await }).catch_unwind().await {
                    Ok(()) if !endless => return,
                    Ok(()) => "it ended".to_owned(),
                    Err(panic) => why(&*panic),
                };
                if began.elapsed() >= pauses.steady {
                    pause = pauses.first;
                }
                entry.fails(reason, pause);
                sleep(pause).await;
                pause = pauses.longest.min(pause * 2);
                entry.restarts();
            }
        }))
    }
}

/// Why a task panicked. Only a message that stands in the source is repeated: one that was put together may hold what a row holds.
fn why(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<&'static str>() {
        Some(message) => format!("it panicked: {message}"),
        None => "it panicked; standard error says where".to_owned(),
    }
}
