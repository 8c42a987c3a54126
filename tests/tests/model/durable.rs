//! A server may acknowledge a commit before the commit is on disk (`synchronous_commit = off`), and lose the commit in a
//! crash. The mirror must never hold a row that its authority has lost.
//!
//! What is modelled: one key, its authority (the source of the mirror) and the other side (the target), up to [`state::WRITES`]
//! writes that commit asynchronously, two appliers that compete for the lease, and a handoff to the target. Each server has a
//! log: a commit appends to it, a flush moves a prefix of it to disk at any moment, a crash drops the rest.
//!
//! | in the code | here |
//! |---|---|
//! | a write with its dirty entry, `synchronous_commit = off` | [`Step::Write`] |
//! | the WAL writer flushes some of the log | [`Step::Flush`] |
//! | `turnout.take` reads, and ends by a synchronous commit of its own if the log is not flushed | [`ApplierStep::Take`], then `Advance` |
//! | the answer of `turnout.take` is lost if the server crashes before that commit | [`Step::Crash`] of the source ends `Taken` |
//! | `turnout.apply` and the lease's tokens commit synchronously | `Advance` |
//! | an acknowledgement that `may_be_lost` | `Advance` from `Applied`, with no flush |
//! | a handoff looks for dirty entries and makes what it saw durable, in one transaction | [`Step::Handoff`] |
//!
//! A synchronous write is an asynchronous one that is flushed at once, so writes of both kinds are covered.
//!
//! Two things must be as they are here, and are easy to get wrong:
//! - The take compares the positions of the log after its last read. A transaction that commits between the comparison and the read
//!   is in the answer and may be lost.
//! - A handoff may release the epoch only if the server did not crash between the look that found no dirty entry and the commit
//!   that makes this durable. Two calls, one that looks and one that persists, do not give that: a crash between them brings
//!   back the entries of lost acknowledgements, and the second call succeeds on the server that has recovered.
//!
//! What is not modelled: batches taken ahead (each take flushes for itself), writes after the handoff and back.

mod applier;
mod state;

use stateright::{Model, Property};

use applier::ApplierStep;
use state::{Fault, Handoff, State, WRITES};

use crate::checking::{assert_breaks, assert_holds};

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The protocol as designed.
    AsDesigned,
    /// A take does not flush the source's log.
    TakesWithoutFlush,
    /// A take flushes the source's log before it reads instead of after.
    FlushesBeforeReading,
    /// An apply commits asynchronously.
    ApplyMayBeLost,
    /// The lease's token on the source is raised asynchronously.
    TokenMayBeLost,
    /// A handoff releases the epoch without a flush.
    ReleasesWithoutFlush,
    /// A handoff looks in one transaction and flushes in another.
    LooksAndFlushesApart,
}

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The authority until the handoff.
    Source,
    /// The authority after the handoff.
    Target,
}

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A write on the authority.
    Write,
    /// The oldest commit that is not on disk reaches the disk.
    Flush(Server),
    /// A server crashes and recovers.
    Crash(Server),
    /// A step of an applier.
    Applier(usize, ApplierStep),
    /// The next step of the handoff: fence, look, release.
    Handoff,
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::first()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.fault.is_some() {
            return;
        }
        steps.extend([Step::Write, Step::Handoff]);
        for server in [Server::Source, Server::Target] {
            steps.extend([Step::Flush(server), Step::Crash(server)]);
        }
        let dirty = state.source.seen().dirty;
        for who in 0..state.appliers.len() {
            let some = (1..=dirty).filter(|some| some & !dirty == 0);
            steps.extend(some.map(|entries| Step::Applier(who, ApplierStep::Take(entries))));
            steps.extend([ApplierStep::Advance, ApplierStep::Crash].map(|step| Step::Applier(who, step)));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Write => state.write()?,
            Step::Flush(Server::Source) => state.source.flush_one()?,
            Step::Flush(Server::Target) => state.target.flush_one()?,
            Step::Crash(server) => state.crash(server, *self)?,
            Step::Applier(who, step) => state.applier_step(who, step, *self)?,
            Step::Handoff => state.hand_off(*self)?,
        }
        state.appliers.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_LOST_WRITE, |_, state: &State| {
                let source = state.source.seen();
                state.has_moved_on || source.dirty != 0 || state.target.seen().row == source.row
            }),
            Property::always(NEVER_AHEAD, |_, state: &State| {
                state.has_moved_on || state.target.seen().row <= state.source.seen().row
            }),
            Property::always(NO_OLDER_ROW, |_, state: &State| state.fault != Some(Fault::OlderRow)),
            Property::sometimes("a write is lost, and the next is mirrored", |_, state: &State| {
                state.writes == WRITES && state.lost && state.target.seen().row == WRITES
            }),
            Property::sometimes("the new authority is written to", |_, state: &State| {
                state.has_moved_on && state.handoff == Handoff::Released
            }),
        ]
    }
}

const NO_LOST_WRITE: &str = "where no dirty entry is left, the mirror has the authority's row";
const NEVER_AHEAD: &str = "the mirror has no write that its authority has lost";
const NO_OLDER_ROW: &str = "no apply puts an older row over a newer one";

#[test]
fn what_a_crash_may_lose_is_not_mirrored() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn a_take_without_flush_leaves_the_mirror_ahead_of_its_authority() {
    assert_breaks(Protocol::TakesWithoutFlush, NEVER_AHEAD);
    assert_breaks(Protocol::TakesWithoutFlush, NO_LOST_WRITE);
}

#[test]
fn a_take_that_flushes_before_it_reads_leaves_the_mirror_ahead_of_its_authority() {
    assert_breaks(Protocol::FlushesBeforeReading, NEVER_AHEAD);
}

#[test]
fn an_apply_that_may_be_lost_loses_a_write() {
    assert_breaks(Protocol::ApplyMayBeLost, NO_LOST_WRITE);
}

#[test]
fn a_token_that_may_be_lost_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::TokenMayBeLost, NO_OLDER_ROW);
}

#[test]
fn a_release_without_flush_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::ReleasesWithoutFlush, NO_OLDER_ROW);
}

#[test]
fn a_crash_between_the_look_and_the_flush_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::LooksAndFlushesApart, NO_OLDER_ROW);
}
