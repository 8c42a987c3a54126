use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
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
pub(crate) struct Waiting(Mutex<State>);

#[derive(Default)]
struct State {
    awaited: HashMap<i64, oneshot::Sender<MirrorState>>,
    over: HashMap<i64, MirrorState>,
    order: VecDeque<i64>,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
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
        let mut told = {
            let mut all = self.state();
            if let Some(state) = all.over.get(&transaction) {
                return *state;
            }
            let (sender, receiver) = oneshot::channel();
            all.awaited.insert(transaction, sender);
            receiver
        };
        let mut glance = if progress.is_at_work() {
            SECOND_LOOK
        } else {
            FIRST_GLANCE
        };
        let state = loop {
            tokio::select! {
                Ok(state) = &mut told => break state,
                () = sleep_until(deadline.min(Instant::now() + glance)) => {}
            }
            if Instant::now() >= deadline {
                break MirrorState::Pending;
            }
            match timeout_at(deadline, source.mirror_state(transaction)).await {
                Ok(Ok(MirrorState::Pending) | Err(_)) => glance *= 2,
                Ok(Ok(state)) => break state,
                Err(_) => break MirrorState::Pending,
            }
        };
        self.state().awaited.remove(&transaction);
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
