use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What a connection is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of a next request has arrived.
    Idle,
    /// The head of a request is arriving.
    Head,
    /// The body of a request is arriving. The host has done nothing of the request.
    Body,
    /// The host works on a request.
    Work,
    /// The host writes the answer.
    Answer,
    /// The host has closed its half and waits for the client to close the other half.
    Closing,
}

/// How long a connection may stay in each phase before it is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) idle: Duration,
    pub(super) head: Duration,
    /// `None` where the reader of the body has its own time limit.
    pub(super) body: Option<Duration>,
    /// How long the client may read nothing of an answer.
    pub(super) writing: Duration,
    pub(super) closing: Duration,
}

/// The state of one connection, as its reader and its writer report it.
pub(super) struct Pulse(Mutex<Known>);

struct Known {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// Since when the client has read nothing of the answer, if it reads nothing.
    stalled: Option<Instant>,
    /// Wakes the next request, which waits until this answer is written.
    waiting: Option<Waker>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            phase: Phase::Idle,
            since: Instant::now(),
            stalled: None,
            waiting: None,
        }))
    }

    /// Enters a phase.
    pub(super) fn enter(&self, phase: Phase) {
        self.known().enter(phase);
    }

    /// Enters the phase `to` if the connection is in the phase `from`.
    pub(super) fn turn(&self, from: Phase, to: Phase) {
        let mut known = self.known();
        if known.phase == from {
            known.enter(to);
        }
    }

    /// The host has closed its half.
    pub(super) fn closes(&self) {
        let mut known = self.known();
        if known.phase != Phase::Closing {
            known.enter(Phase::Closing);
        }
    }

    /// A write was tried. `moves` says whether the socket took bytes.
    pub(super) fn writes(&self, moves: bool) {
        let mut known = self.known();
        known.stalled = if moves {
            None
        } else {
            known.stalled.or_else(|| Some(Instant::now()))
        };
    }

    /// The answer is written.
    pub(super) fn written(&self) {
        let mut known = self.known();
        if known.phase == Phase::Answer {
            known.enter(Phase::Idle);
        }
        let waiting = known.waiting.take();
        drop(known);
        if let Some(next) = waiting {
            next.wake();
        }
    }

    /// Waits until the answer before this request is written.
    pub(super) fn poll_free(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut known = self.known();
        if known.phase == Phase::Answer {
            known.waiting = Some(context.waker().clone());
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// The order in which connections are cut to make room, the smallest first: connections that are idle, send a head or are closing
    /// before those whose body is arriving, and among equals the one that has been so for longest. `None` while the host works on a
    /// request or writes its answer.
    pub(super) fn worth(&self) -> Option<(bool, Instant)> {
        let known = self.known();
        match known.phase {
            Phase::Idle | Phase::Head | Phase::Closing => Some((false, known.since)),
            Phase::Body => Some((true, known.since)),
            Phase::Work | Phase::Answer => None,
        }
    }

    /// Whether the connection exceeds its time limit.
    pub(super) fn is_overdue(&self, now: Instant, bounds: &Bounds) -> bool {
        let known = self.known();
        let bound = match known.phase {
            Phase::Idle => Some(bounds.idle),
            Phase::Head => Some(bounds.head),
            Phase::Body => bounds.body,
            Phase::Work | Phase::Answer => None,
            Phase::Closing => Some(bounds.closing),
        };
        let exceeds = |since: Instant, bound| now.saturating_duration_since(since) >= bound;
        bound.is_some_and(|bound| exceeds(known.since, bound))
            || known.stalled.is_some_and(|since| exceeds(since, bounds.writing))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const BOUNDS: Bounds = Bounds {
        idle: Duration::from_secs(5),
        head: SECOND,
        body: None,
        writing: SECOND,
        closing: SECOND,
    };

    #[test]
    fn each_phase_has_its_bound_and_work_has_none() {
        let pulse = Pulse::new();
        let overdue_in = |seconds| pulse.is_overdue(Instant::now() + seconds * SECOND, &BOUNDS);
        assert!(!overdue_in(4) && overdue_in(5));
        pulse.turn(Phase::Idle, Phase::Head);
        assert!(!overdue_in(0) && overdue_in(1));
        pulse.enter(Phase::Work);
        assert!(!overdue_in(1000) && pulse.worth().is_none());
        pulse.enter(Phase::Answer);
        pulse.writes(false);
        assert!(overdue_in(1), "the client reads nothing");
        pulse.writes(true);
        pulse.written();
        assert!(!overdue_in(4) && overdue_in(5) && pulse.worth().is_some());
    }

    #[test]
    fn a_next_request_waits_until_the_answer_before_is_written() {
        let pulse = Pulse::new();
        let mut context = Context::from_waker(Waker::noop());
        assert!(pulse.poll_free(&mut context).is_ready());
        pulse.enter(Phase::Answer);
        assert!(pulse.poll_free(&mut context).is_pending());
        pulse.written();
        assert!(pulse.poll_free(&mut context).is_ready());
    }
}
