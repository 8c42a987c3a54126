use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};
use turnout_backends::Database;
use turnout_vocabulary::MirrorState;

use crate::progress::Progress;

/// How many transactions are remembered as mirrored: a write may ask after its transaction only when it is over.
const REMEMBERED: usize = 8192;

/// How long a write that another host mirrors waits before it asks; the time doubles.
const FIRST_GLANCE: Duration = Duration::from_millis(2);

/// How long one that this host mirrors waits before it asks all the same.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// Writes that wait until their own keys are mirrored.
pub(crate) struct Waiting {
    state: Mutex<State>,
    /// One has begun to wait.
    came: Notify,
}

#[derive(Default)]
struct State {
    awaited: HashMap<i64, oneshot::Sender<MirrorState>>,
    over: HashMap<i64, MirrorState>,
    order: VecDeque<i64>,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            came: Notify::new(),
        }
    }

    /// Waits until one waits that came after the last time this was asked. One whose keys were mirrored before it came to wait
    /// is nobody: an applier that looked for its changes once more would be in the way of the next write.
    pub(crate) async fn comes(&self) {
        loop {
            self.came.notified().await;
            if !self.state().awaited.is_empty() {
                return;
            }
        }
    }

    /// The keys of a transaction are all mirrored, or one of them is parked.
    pub(crate) fn over(&self, transaction: i64, state: MirrorState) {
        let mut all = self.state();
        if let Some(waiter) = all.awaited.remove(&transaction) {
            let _ = waiter.send(state);
        }
        if all.over.insert(transaction, state).is_none() {
            all.order.push_back(transaction);
        }
        if all.order.len() > REMEMBERED
            && let Some(oldest) = all.order.pop_front()
        {
            all.over.remove(&oldest);
        }
    }

    /// How a transaction ended, if it is remembered.
    pub(crate) fn ended(&self, transaction: i64) -> Option<MirrorState> {
        self.state().over.get(&transaction).copied()
    }

    /// Whether somebody waits for a transaction.
    pub(crate) fn is_awaited(&self, transaction: i64) -> bool {
        self.state().awaited.contains_key(&transaction)
    }

    /// Waits until a transaction is over. The source is asked too: another host may be the one that mirrors, and what was
    /// over before somebody asked is not always remembered.
    pub(crate) async fn until_mirrored(
        &self,
        source: &Database,
        transaction: i64,
        bound: Duration,
        progress: &Progress,
    ) -> MirrorState {
        let deadline = Instant::now() + bound;
        let mut told = match self.begin(transaction) {
            Ok(told) => told,
            Err(state) => return state,
        };
        let _awaiting = Awaiting {
            waiting: self,
            transaction,
        };
        let mut glance = if progress.is_at_work() {
            SECOND_LOOK
        } else {
            FIRST_GLANCE
        };
        loop {
            tokio::select! {
                Ok(state) = &mut told => return state,
                () = sleep_until(deadline.min(Instant::now() + glance)) => {}
            }
            if Instant::now() >= deadline {
                return MirrorState::Pending;
            }
            match timeout_at(deadline, source.mirror_state(transaction)).await {
                Ok(Ok(MirrorState::Pending) | Err(_)) => glance *= 2,
                Ok(Ok(state)) => return state,
                Err(_) => return MirrorState::Pending,
            }
        }
    }

    /// Begins to wait for a transaction, if it is not remembered how it ended.
    fn begin(&self, transaction: i64) -> Result<oneshot::Receiver<MirrorState>, MirrorState> {
        let mut all = self.state();
        if let Some(state) = all.over.get(&transaction) {
            return Err(*state);
        }
        let (sender, receiver) = oneshot::channel();
        all.awaited.insert(transaction, sender);
        self.came.notify_one();
        Ok(receiver)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits, until it is dropped: a client may go away.
struct Awaiting<'a> {
    waiting: &'a Waiting,
    transaction: i64,
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.waiting.state().awaited.remove(&self.transaction);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn one_whose_keys_were_mirrored_when_it_came_calls_nobody() {
        let waiting = Waiting::new();
        let mut told = waiting.begin(7).expect("it is not over");
        waiting.over(7, MirrorState::Done);
        assert_eq!(told.try_recv(), Ok(MirrorState::Done));
        assert_eq!(waiting.comes().now_or_never(), None);

        let _told = waiting.begin(8).expect("it is not over");
        assert_eq!(waiting.comes().now_or_never(), Some(()));
        assert_eq!(waiting.comes().now_or_never(), None, "it was told of already");
    }
}
