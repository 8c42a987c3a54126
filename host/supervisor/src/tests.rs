use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

/// Short enough that tests need no clock of their own.
fn impatient() -> Supervisor {
    Supervisor {
        known: Arc::default(),
        pauses: Pauses {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(4),
            steady: Duration::from_mins(1),
        },
    }
}

/// Waits until the state of the only task is as wished.
async fn state_with(supervisor: &Supervisor, wished: impl Fn(&TaskState) -> bool) -> TaskState {
    let wait = async {
        loop {
            if let [state] = &*supervisor.tasks()
                && wished(state)
            {
                return state.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.expect("the state comes")
}

#[tokio::test]
async fn a_task_that_panics_is_restarted_until_it_works() {
    let supervisor = impatient();
    let (works, mut working) = mpsc::channel(1);
    let mut starts = 0;
    let task = supervisor.keep("follower", Need::Required, move || {
        starts += 1;
        let (start, works) = (starts, works.clone());
        async move {
            assert!(start != 1, "start {start} of +79686484488");
            assert!(start != 2, "the second start");
            let _ = works.send(()).await;
            std::future::pending::<()>().await;
        }
    });
    let first = state_with(&supervisor, |state| state.down == 1).await;
    assert_eq!((first.started, first.restarts), (1, 0));
    let reason = first.last_failure.expect("it failed").reason;
    assert_eq!(reason, "it panicked; standard error says where", "no value is repeated");
    working.recv().await.expect("the third start works");
    let now = state_with(&supervisor, |state| state.down == 0).await;
    assert_eq!((now.started, now.restarts), (1, 2));
    let reason = now.last_failure.expect("it failed").reason;
    assert_eq!(reason, "it panicked: the second start");
    drop(task);
    let gone = state_with(&supervisor, |state| state.started == 0).await;
    assert_eq!(gone.restarts, 2, "what was counted stays");
}

#[tokio::test]
async fn a_task_that_must_not_end_is_restarted_when_it_does() {
    let supervisor = impatient();
    supervisor.keep("observer", Need::Optional, || async {}).detach();
    let state = state_with(&supervisor, |state| state.restarts >= 3).await;
    assert_eq!(state.last_failure.expect("it ended").reason, "it ended");
}

#[tokio::test]
async fn a_task_that_may_end_is_restarted_only_after_a_panic() {
    let supervisor = impatient();
    let starts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&starts);
    let task = supervisor.run("comparison", Need::Optional, move || {
        let start = counted.fetch_add(1, Ordering::Relaxed);
        async move { assert!(start > 0) }
    });
    task.ended().await;
    assert_eq!(starts.load(Ordering::Relaxed), 2);
    let ended = supervisor.tasks();
    assert_eq!((ended[0].started, ended[0].down, ended[0].restarts), (0, 0, 1));

    supervisor.run("another", Need::Optional, || async {}).ended().await;
    assert_eq!(supervisor.tasks().len(), 1, "a task that did its work is forgotten");
}

#[tokio::test]
async fn dropping_the_handle_of_a_task_that_is_down_ends_its_restarts() {
    let mut supervisor = impatient();
    supervisor.pauses.first = Duration::from_hours(1);
    let task = supervisor.keep("applier", Need::Required, || async {});
    state_with(&supervisor, |state| state.down == 1).await;
    drop(task);
    let state = state_with(&supervisor, |state| state.started == 0).await;
    assert_eq!((state.down, state.restarts), (0, 0));
}

#[tokio::test]
async fn pauses_grow_with_each_failure_up_to_the_longest() {
    let mut supervisor = impatient();
    supervisor.pauses = Pauses {
        first: Duration::from_millis(20),
        longest: Duration::from_millis(80),
        ..supervisor.pauses
    };
    let began = Instant::now();
    supervisor.keep("follower", Need::Required, || async {}).detach();
    state_with(&supervisor, |state| state.restarts == 4).await;
    assert!(began.elapsed() >= Duration::from_millis(20 + 40 + 80 + 80));
}
