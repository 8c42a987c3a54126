use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::pulse::{Bounds, Pulse};

/// The connections that are open, at most so many.
pub(super) struct Connections {
    most: usize,
    /// All of them, until their sockets are closed.
    open: JoinSet<()>,
    /// Those that were not cut.
    live: HashMap<Id, (Arc<Pulse>, AbortHandle)>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            open: JoinSet::new(),
            live: HashMap::new(),
        }
    }

    /// Serves one more.
    pub(super) fn add(&mut self, pulse: Arc<Pulse>, served: impl Future<Output = ()> + Send + 'static) {
        let handle = self.open.spawn(served);
        self.live.insert(handle.id(), (pulse, handle));
    }

    /// Whether there is room for one more.
    pub(super) fn have_room(&self) -> bool {
        self.open.len() < self.most
    }

    pub(super) fn are_gone(&self) -> bool {
        self.open.is_empty()
    }

    /// Waits until the socket of one of them is closed.
    pub(super) async fn one_closed(&mut self) {
        match self.open.join_next_with_id().await {
            Some(Ok((id, ()))) => self.live.remove(&id),
            Some(Err(error)) => self.live.remove(&error.id()),
            None => std::future::pending().await,
        };
    }

    /// Makes room for one more, unless it is being made or requests are worked on in all of them: cuts the one that is missed least.
    pub(super) fn make_room(&mut self) {
        if self.live.len() < self.most {
            return;
        }
        let worth = self.live.iter();
        let worth = worth.filter_map(|(id, (pulse, _))| Some((pulse.worth()?, *id)));
        if let Some((_, least)) = worth.min_by_key(|(worth, _)| *worth)
            && let Some((_, task)) = self.live.remove(&least)
        {
            task.abort();
        }
    }

    /// Cuts those that take longer than they may.
    pub(super) fn cut_overdue(&mut self, bounds: &Bounds) {
        let now = Instant::now();
        self.live.retain(|_, (pulse, task)| {
            let overdue = pulse.is_overdue(now, bounds);
            if overdue {
                task.abort();
            }
            !overdue
        });
    }
}
