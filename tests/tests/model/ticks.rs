//! A side may be restored from a base backup. It then lacks rows, dirty entries, ticks and tokens that it once had, and the other
//! side is the only witness of that. No authority may move to or away from such a side until a person has decided.
//!
//! What is modelled: one key, up to [`state::WRITES`] writes, an applier for each direction that may crash and be followed by
//! another, one handoff, one crash of a server that takes back an asynchronous acknowledgement, and one base backup of either side,
//! taken at any moment and restored at any later one. Everything is explored until a side is marked as rewound.
//!
//! | in the code | here |
//! |---|---|
//! | a batch's tick: stored on the target by the apply, on the source by the acknowledgement | [`state::Side::arrived`], [`state::Side::sent`] |
//! | what the source has acknowledged durably, shown to the target by each apply and by an idle applier | [`state::Side::shown`], [`ApplierStep::Show`] |
//! | the lease's tokens on both sides | [`state::Side::outgoing`], [`state::Side::incoming`] |
//! | an applier compares both directions when it takes the lease, and again after a server has restarted | `Advance` from `Admitted` |
//! | a handoff drains, takes the lease of the losing side's mirror, compares, and releases | [`Step::Handoff`] |
//! | a side that was found to be rewound, kept on the other side | [`state::Side::other_is_rewound`] |
//!
//! What the comparison must be, as the tests show:
//! - A tick is never used twice. A batch that is applied again because its acknowledgement was lost may hold more entries than
//!   before, so its tick is one above the target's. The source takes that tick over when it acknowledges.
//! - `sent` is read before `arrived`, `shown` before `sent`, and the target's token before the source's. A handoff works beside the
//!   appliers and so looks at `old`, at `new`, and at `old` again.
//! - A fresh token must be greater than the target's. An equal one means that the source was rewound, or that the same applier
//!   asks once more.
//! - Both directions are compared before each take that follows a restart of a server (`pg_postmaster_start_time()`). A batch that was
//!   taken before a restart of the target, or applied before a restart of the source, is given up. The ticks of one direction do not
//!   show that its source was rewound as the target of the other direction.
//! - An acknowledgement whose entries are gone means that the source was rewound.
//! - A handoff takes the lease of the losing side's mirror after the drain, as an applier would. A losing side that was restored looks
//!   drained while an applier has a batch of its entries in hand, and that applier would apply the batch after the release. It would be
//!   enough, too, to refuse an apply if the target's fence has risen since the take.
//!
//! What cannot be seen (none of it counts as a fault here):
//! - A restore of the source between an acknowledgement and the next show. The target is one tick ahead then, as it is before each
//!   acknowledgement. The target holds the rows and the source lacks them, so the source's next write of the key is mirrored over them.
//! - A restore of the source that loses writes which were never mirrored.
//! - A restore of the source while an applier has a batch in hand, which it applies while a handoff compares. The next comparison sees it.
//!
//! What is not modelled: restores of both sides (a restore takes back the marks that the restored side holds about the other), the fences,
//! two appliers of a direction at once (the other models have them), and the decision of the person.

mod applier;
mod state;

use stateright::{Model, Property};
use turnout_vocabulary::Backend;

use applier::ApplierStep;
use state::{Fault, State, WRITES};

use crate::checking::{assert_breaks, assert_holds};

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The protocol as described above.
    AsDesigned,
    /// The target's tick is not stored and not compared.
    NoTickOnTarget,
    /// The target does not keep what the source has shown.
    NoTickShown,
    /// The source shows a tick that is not on its disk.
    ShowsWhatMayBeLost,
    /// A handoff does not compare the sides.
    HandoffDoesNotCompare,
    /// A batch that is applied again keeps the tick that it had before.
    RepeatsATick,
    /// A handoff does not take the lease of the losing side's mirror.
    HandoffLeavesTheLease,
    /// A handoff looks at each side only once.
    LooksAtEachSideOnce,
    /// An acknowledgement does not check whether its entries are there.
    AcknowledgesWhatIsGone,
    /// The target admits an applier with the token that the target has seen last.
    AdmitsAnEqualToken,
    /// An applier goes on after a restart of a server without comparing the sides.
    SeesNoRestart,
}

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A write on the authority.
    Write,
    /// A base backup of a side is taken.
    BackUp(Backend),
    /// The base backup is restored.
    Restore,
    /// A server crashes and recovers.
    Crash(Backend),
    /// A step of an applier of the mirror from this backend.
    Applier(Backend, usize, ApplierStep),
    /// The next step of the handoff to the other side.
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
        // Once a side is marked, a person decides. Appliers still finish the batches that they have in hand.
        if !state.is_marked() {
            steps.extend([Step::Write, Step::Restore, Step::Handoff]);
            steps.extend(Backend::ALL.map(Step::BackUp));
            steps.extend(Backend::ALL.map(Step::Crash));
        }
        for side in Backend::ALL {
            for who in 0..state.appliers[side as usize].len() {
                let all = [ApplierStep::Advance, ApplierStep::Show, ApplierStep::Crash];
                steps.extend(all.map(|step| Step::Applier(side, who, step)));
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Write => state.write()?,
            Step::BackUp(side) => state.back_up(side)?,
            Step::Restore => state.restore(*self)?,
            Step::Crash(side) => state.crash(side)?,
            Step::Applier(source, who, step) => state.applier_step(source, who, step, *self)?,
            Step::Handoff => state.hand_off(*self)?,
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_MOVE_WITH_LOSS, |_, state: &State| {
                state.fault != Some(Fault::MovedWithLoss)
            }),
            Property::always(NO_OLDER_ROW, |_, state: &State| state.fault != Some(Fault::OlderRow)),
            Property::always(NO_FALSE_ALARM, |_, state: &State| {
                state.fault != Some(Fault::FalseAlarm)
            }),
            Property::sometimes("authority moves there and back", |_, state: &State| {
                state.handoffs == 1 && state.writes == WRITES
            }),
            Property::sometimes("a rewound side is marked", |_, state: &State| state.is_marked()),
        ]
    }
}

const NO_MOVE_WITH_LOSS: &str = "no authority moves while a side lacks writes whose acknowledgement was shown";
const NO_OLDER_ROW: &str = "no apply removes writes whose acknowledgement was shown, or which the target committed";
const NO_FALSE_ALARM: &str = "no side is marked as rewound unless one was restored";

#[test]
fn a_side_that_was_restored_is_noticed() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn without_a_tick_on_the_target_authority_moves_to_a_target_that_lost_rows() {
    assert_breaks(Protocol::NoTickOnTarget, NO_MOVE_WITH_LOSS);
}

#[test]
fn without_a_tick_shown_authority_moves_away_from_a_source_that_lost_rows() {
    assert_breaks(Protocol::NoTickShown, NO_MOVE_WITH_LOSS);
}

#[test]
fn a_tick_that_a_crash_takes_back_is_a_false_alarm() {
    assert_breaks(Protocol::ShowsWhatMayBeLost, NO_FALSE_ALARM);
}

#[test]
fn a_handoff_that_does_not_compare_moves_authority_to_a_side_that_lost_rows() {
    assert_breaks(Protocol::HandoffDoesNotCompare, NO_MOVE_WITH_LOSS);
}

#[test]
fn a_batch_that_outlives_the_handoff_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::HandoffLeavesTheLease, NO_OLDER_ROW);
}

#[test]
fn a_tick_that_is_used_twice_hides_what_a_target_lost() {
    assert_breaks(Protocol::RepeatsATick, NO_MOVE_WITH_LOSS);
}

#[test]
fn a_handoff_that_looks_at_each_side_once_is_a_false_alarm() {
    assert_breaks(Protocol::LooksAtEachSideOnce, NO_FALSE_ALARM);
}

#[test]
fn an_applier_that_goes_on_after_a_restart_removes_rows() {
    assert_breaks(Protocol::SeesNoRestart, NO_OLDER_ROW);
}

#[test]
fn an_acknowledgement_of_entries_that_are_gone_hides_what_a_source_lost() {
    assert_breaks(Protocol::AcknowledgesWhatIsGone, NO_MOVE_WITH_LOSS);
}

#[test]
fn an_equal_token_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::AdmitsAnEqualToken, NO_OLDER_ROW);
}
