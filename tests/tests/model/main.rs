//! The protocol that keeps writes safe while authority moves, as a state machine. `stateright` tries every order of every step. Where the
//! code does otherwise than this model, one of them is wrong.
//!
//! What is modelled: one key on two backends, up to two writes, two hosts, and for each direction of the mirror two appliers that compete
//! for its lease. There are four epochs, and each moves the key. So one run has room for a handoff, its abandonment and a second handoff,
//! and also for two handoffs and the abandonment of the second. A handoff may be abandoned at any moment, also while its coordinator is
//! about to release it, or before either fence is raised. Another host may take a handoff over at any moment, whatever its coordinator is
//! doing.
//!
//! A sleep needs no step of its own: a participant that has a next step may take it now, after any number of steps of others, or never. A
//! crash is a step that is always possible.
//!
//! | in the design | here |
//! |---|---|
//! | a write is decided under an epoch; its transaction checks the fence, then changes the row and leaves the dirty key | `HostStep::Enter`, `HostStep::Commit` |
//! | a refused write reloads and is decided again, and waits for the release | `HostStep::Enter` again |
//! | raise the fence of the losing side, wait for the writes that it let in, the same on the other side; drain the losing side up to the mark; release | `HostStep::Coordinate`, one [`protocol::Phase`] at a time; the mark is the epoch that an entry carries |
//! | past the budget: epoch N+2 is the set of N, and writes go on under it at once | `HostStep::Begin` before the newest epoch is released |
//! | an epoch is released only while no newer one is recorded; an abandonment is recorded only while the epoch that it abandons is not released; `old` decides both | `Phase::Release`, `HostStep::Begin` |
//! | a batch that ends between two entries of a key; the next batch is taken while one is applied | `ApplierStep::Take` with some of the entries, and before the acknowledgement |
//! | the lease's token: source, target, then read; checked by each apply and each acknowledgement | [`state::Applier`] |
//! | a written row and a deleted one | values: a deletion is a write whose value means "no row" |
//!
//! What is not modelled: a write behind Turnout's back, keys that do not move in a handoff, a forced failover.
//!
//! Other models have:
//! - a row that is handed to another subject, and so to another authority ([`handover`]);
//! - crashes that take back commits ([`durable`]);
//! - a key that two subjects take, and that is parked ([`ownership`]);
//! - restored backups ([`ticks`]);
//! - changes without dirty entries ([`gap`]);
//! - a comparison beside writes ([`suspect`]);
//! - a range of keys that is copied ([`range`]).
//!
//! A host that crashes loses its uncommitted write. If the write commits although its host crashed, that equals a crash after the commit.
//! Acknowledged writes are a part of the committed ones, so no property is about acknowledgements.

mod applier;
mod canonical;
mod checking;
mod durable;
mod gap;
mod handover;
mod host;
mod log;
mod model;
mod ownership;
mod properties;
mod protocol;
mod range;
mod state;
mod suspect;
mod ticks;

use checking::assert_holds;
use properties::{NO_LOST_WRITE, NO_OLDER_ROW, NO_STALE_AUTHORITY};
use protocol::Protocol;

use stateright::{Checker, HasDiscoveries, Model};

#[test]
fn the_protocol_holds() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn draining_before_the_fence_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::DrainBeforeFence, NO_OLDER_ROW);
}

#[test]
fn an_apply_without_a_token_puts_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::NoTokenOnApply, NO_OLDER_ROW);
}

#[test]
fn an_apply_without_a_token_loses_a_write() {
    assert_breaks(Protocol::NoTokenOnApply, NO_LOST_WRITE);
}

#[test]
fn an_acknowledgement_without_a_token_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::NoTokenOnAcknowledgement, NO_OLDER_ROW);
}

#[test]
fn acknowledging_more_than_was_read_loses_a_write() {
    assert_breaks(Protocol::AcknowledgesTheKey, NO_LOST_WRITE);
}

#[test]
fn a_losing_side_that_is_not_drained_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::LosingSideNotDrained, NO_OLDER_ROW);
}

#[test]
fn without_a_fence_writes_commit_on_a_stale_authority() {
    assert_breaks(Protocol::NoFence, NO_STALE_AUTHORITY);
}

#[test]
fn without_waiting_for_the_release_writes_commit_on_a_stale_authority() {
    assert_breaks(Protocol::NoWaitForRelease, NO_STALE_AUTHORITY);
}

#[test]
fn without_waiting_for_open_writes_they_commit_on_a_stale_authority() {
    assert_breaks(Protocol::HoldersNotAwaited, NO_STALE_AUTHORITY);
}

#[test]
fn a_release_after_the_abandonment_lets_writes_commit_on_a_stale_authority() {
    assert_breaks(Protocol::ReleasedAfterAbandonment, NO_STALE_AUTHORITY);
}

#[test]
fn an_abandonment_after_the_release_lets_writes_commit_on_a_stale_authority() {
    assert_breaks(Protocol::AbandonedAfterRelease, NO_STALE_AUTHORITY);
}

#[test]
fn a_handoff_that_is_taken_for_an_abandonment_lets_writes_commit_on_a_stale_authority() {
    assert_breaks(Protocol::HandoffTakenForAbandonment, NO_STALE_AUTHORITY);
}

/// The checker finds a violation of `property`. The shortest path that it found is printed.
fn assert_breaks(protocol: Protocol, property: &'static str) {
    let found = HasDiscoveries::AllOf([property].into());
    let checker = protocol.checker().finish_when(found).spawn_bfs().join();
    eprintln!(
        "{} states until one where it is not true that {property}:",
        checker.unique_state_count()
    );
    for (state, step) in checker.assert_any_discovery(property).into_vec() {
        eprintln!(
            "  {}",
            step.map_or_else(|| format!("{state:?}"), |step| step.describe(&state))
        );
    }
}
