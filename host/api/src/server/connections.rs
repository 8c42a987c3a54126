use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::pulse::{Bounds, Pulse};

/// The open connections, at most `most`.
pub(super) struct Connections {
    most: usize,
    /// The tasks of all connections, also of the cut ones, until their sockets are closed.
    open: JoinSet<()>,
    /// The connections that were not cut.
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

    /// Adds a connection and spawns `served`, which serves it.
    pub(super) fn add(&mut self, pulse: Arc<Pulse>, served: impl Future<Output = ()> + Send + 'static) {
        let handle = self.open.spawn(served);
        self.live.insert(handle.id(), (pulse, handle));
    }

    /// Whether one more connection may be added.
    pub(super) fn have_room(&self) -> bool {
        self.open.len() < self.most
    }

    pub(super) fn are_gone(&self) -> bool {
        self.open.is_empty()
    }

    /// Waits until the socket of one connection is closed.
    pub(super) async fn one_closed(&mut self) {
        match self.open.join_next_with_id().await {
            Some(Ok((id, ()))) => self.live.remove(&id),
            Some(Err(error)) => self.live.remove(&error.id()),
            None => std::future::pending().await,
        };
    }

    /// Makes room for one more connection: cuts the one that [`Pulse::worth`] puts first. Cuts none if a cut one is about to close, or if
    /// the host works on a request in every connection.
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

    /// Cuts the connections that exceed their time limits.
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
