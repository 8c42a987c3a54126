use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};
use turnout_backends::Database;
use turnout_vocabulary::MirrorState;

use crate::progress::Progress;

/// How many ended transactions are remembered: a write may ask about its transaction after that has ended.
const REMEMBERED: usize = 8192;

/// How long a waiter rests before it asks the source, where another host mirrors. The time doubles with each question.
const FIRST_GLANCE: Duration = Duration::from_millis(2);

/// How long a waiter rests before it asks the source, where this host mirrors. The time doubles with each question.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// The waiters: writes that wait until their own keys are mirrored.
pub(crate) struct Waiting {
    state: Mutex<State>,
    /// A waiter has come.
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

    /// Waits until a waiter is there that came since the last call. A waiter whose keys were mirrored before it came does not count: an
    /// applier that looked for its entries once more would be in the way of the next write.
    pub(crate) async fn comes(&self) {
        loop {
            self.came.notified().await;
            if !self.state().awaited.is_empty() {
                return;
            }
        }
    }

    /// Notes that the keys of a transaction are all mirrored, or that one of them is parked, and tells the waiter.
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

    /// How the mirroring of a transaction ended; `None` if that is not remembered.
    pub(crate) fn ended(&self, transaction: i64) -> Option<MirrorState> {
        self.state().over.get(&transaction).copied()
    }

    /// Whether somebody waits for a transaction.
    pub(crate) fn is_awaited(&self, transaction: i64) -> bool {
        self.state().awaited.contains_key(&transaction)
    }

    /// Waits until the keys of a transaction are mirrored. The waiter also asks the source: another host may hold the lease, and this
    /// host does not remember every transaction that ended before.
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
                Ok(Ok(state)) => {
                    self.over(transaction, state);
                    return state;
                }
                Err(_) => return MirrorState::Pending,
            }
        }
    }

    /// Begins to wait for a transaction. The error is how the transaction ended, if that is remembered.
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

/// Ends the waiting when it is dropped: a client may go away.
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
