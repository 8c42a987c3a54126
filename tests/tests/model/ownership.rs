//! One key can be taken by two subjects whose authorities differ: each inserts a row on a side of its own. The mirror of one
//! must never change or remove the row of the other.
//!
//! What is modelled: one key, subject A whose authority is `old` and subject B whose authority is `new`, up to [`state::WRITES`]
//! writes, and one applier for each direction. A write inserts a row where there is none, or updates, deletes or hands over the row
//! that its authority holds. To hand a row over is to update its subject column; the row's authority is then the other side.
//!
//! | in the code | here |
//! |---|---|
//! | a dirty entry with the row's subjects before and after the write | [`state::Entry`] |
//! | a batch: all entries of the key, the subjects that they name, and the present row | [`Step::Take`] |
//! | an apply, which asks for the subject of the existing row on the target, and the acknowledgement | [`Step::Apply`] |
//! | a key that is parked on its source, with its entries | [`state::Side::parked`] |
//! | `turnout mirror retry` | [`Step::Retry`] |
//!
//! An apply changes or removes an existing row only if rules 1 to 3 hold; else the key is parked. A row that is equal already is left
//! alone, and its entries are acknowledged.
//! 1. The entries name the existing row's subject.
//! 2. The authority of that subject is the source. It is not enough that the entries name the subject: where B's row is handed to A,
//!    the entries name A and B, and the existing row may be another one, which A has inserted there. Instead of the authority, an apply
//!    may ask for the order of the subjects ([`Protocol::AsksWhoseItWas`]): the subject after a write that hands over does not count.
//!    With two subjects rule 2 includes rule 1. Rule 1 is there for what this model lacks: writes on a side that is not the authority.
//! 3. The target has no entry, dirty or parked, by which this key is handed over to the source. Without this rule, B's write to its own
//!    row would go over a row that A has just handed to B on the other side, and that has not arrived.
//!
//! Three more rules keep the sides equal:
//! 4. A take gives the row only if an entry names the row's subject as the one after the write. Any other row is a copy from the
//!    other side, and the source's own row is gone.
//! 5. A row that arrives at its new authority leaves a dirty entry there, as the new authority's write would. Without the entry, an
//!    applier of that side may have read, before the arrival, that its subject's earlier row is gone. It then removes the copy on the
//!    side that gave the row away, and nothing puts the copy back.
//! 6. If a take has left a copy out by rule 4 and the apply may not remove the row that it finds, the key is not parked: the source's own
//!    row is gone from both sides. The apply has to try the removal all the same. Otherwise both sides may keep the other's deleted row.
//!
//! A person may ask for a retry at any moment here, so retries that nobody asked for would break nothing either.
//!
//! What is not modelled:
//! - What happens between an apply and its acknowledgement, which are one step here: that is the subject of
//!   [`handover`](super::handover). So an apply whose answer was lost must not be sent again before its receipt was looked for: rule 2
//!   would park the key.
//! - Handoffs. An applier must know the policies of the newest epoch that its entries carry.

mod state;

use stateright::{Model, Property};
use turnout_vocabulary::Backend;

use state::{Fault, State, WRITES};

use crate::checking::{assert_breaks, assert_holds};

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The six rules above.
    AsDesigned,
    /// Rule 2 asks for the subjects before the writes instead of the authority. This is no mistake.
    AsksWhoseItWas,
    /// An apply overwrites any row that it finds.
    DoesNotAsk,
    /// An apply follows rule 1 without rule 2.
    AnyNameWillDo,
    /// An apply follows rules 1 and 2 without rule 3.
    ForgetsWhatIsOnItsWay,
    /// A take gives the row that it finds, also if no entry names the row's subject.
    GivesWhatItFinds,
    /// A row that arrives at its new authority leaves no entry there.
    ArrivesUnnoticed,
    /// A key is parked also where rule 6 forbids it.
    ParksWhatIsReplaced,
    /// If a take has left a copy out, the apply does not try the removal.
    LeavesWhatIsReplaced,
    /// An entry names only the subject that the row has after the write.
    NamesTheNewSubject,
}

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The subject whose authority is this backend inserts a row.
    Insert(Backend),
    /// That subject updates its row.
    Update(Backend),
    /// That subject deletes its row.
    Delete(Backend),
    /// That subject's row is given to the other subject.
    HandOver(Backend),
    /// The applier of the mirror from this backend reads entries and row.
    Take(Backend),
    /// That applier applies what it has read, and acknowledges.
    Apply(Backend),
    /// That applier forgets what it has read.
    Crash(Backend),
    /// A person asks for a retry of the parked key of this backend.
    Retry(Backend),
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.fault.is_none() {
            steps.extend(Backend::ALL.into_iter().flat_map(|side| {
                [
                    Step::Insert(side),
                    Step::Update(side),
                    Step::Delete(side),
                    Step::HandOver(side),
                    Step::Take(side),
                    Step::Apply(side),
                    Step::Crash(side),
                    Step::Retry(side),
                ]
            }));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Insert(side) => state.insert(side)?,
            Step::Update(side) => state.update(side, false)?,
            Step::HandOver(side) => state.update(side, true)?,
            Step::Delete(side) => state.delete(side)?,
            Step::Take(side) => state.take(side, *self)?,
            Step::Apply(side) => state.apply(side, *self)?,
            Step::Crash(side) => drop(state.side_mut(side).batch.take()?),
            Step::Retry(side) => state.retry(side)?,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_OVERWRITTEN_ROW, |_, state: &State| {
                state.fault != Some(Fault::OverwrittenRow)
            }),
            Property::always(NO_LOST_ROW, |_, state: &State| state.all_are_somewhere()),
            Property::always(ALL_ARRIVE, |_, state: &State| state.has_work() || state.is_settled()),
            Property::always(NO_FALSE_ALARM, |_, state: &State| {
                state.fault != Some(Fault::FalseAlarm)
            }),
            Property::sometimes("a key is parked on both sides", |_, state: &State| {
                state.sides.iter().all(|side| side.parked)
            }),
            Property::sometimes("two subjects took the key, and it was settled", |_, state: &State| {
                state.had_conflict && !state.has_work() && state.sides[0].row.is_some()
            }),
            Property::sometimes("a row was handed over and back", |_, state: &State| {
                state.writes == WRITES && !state.had_conflict && !state.has_work() && state.handed_over > 1
            }),
        ]
    }
}

const NO_OVERWRITTEN_ROW: &str =
    "no apply changes or removes an acknowledged row that its authority does not hold besides";
const NO_LOST_ROW: &str = "each acknowledged row is on its authority, or has an entry on the side where it is";
const ALL_ARRIVE: &str = "where no entry is left, both sides hold the acknowledged row";
const NO_FALSE_ALARM: &str = "a key is parked only where two rows have it";

#[test]
fn a_key_that_two_subjects_take_loses_no_row() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn the_subjects_before_the_writes_serve_as_well_as_the_authority() {
    assert_holds(Protocol::AsksWhoseItWas);
}

#[test]
fn an_apply_that_does_not_ask_whose_row_it_finds_overwrites_one() {
    assert_breaks(Protocol::DoesNotAsk, NO_OVERWRITTEN_ROW);
    assert_breaks(Protocol::DoesNotAsk, NO_LOST_ROW);
}

#[test]
fn a_row_that_is_handed_over_overwrites_another_row_of_its_new_subject() {
    assert_breaks(Protocol::AnyNameWillDo, NO_OVERWRITTEN_ROW);
}

#[test]
fn a_row_that_is_on_its_way_to_its_new_subject_is_overwritten_by_another() {
    assert_breaks(Protocol::ForgetsWhatIsOnItsWay, NO_OVERWRITTEN_ROW);
    assert_breaks(Protocol::ForgetsWhatIsOnItsWay, NO_LOST_ROW);
}

#[test]
fn a_take_that_gives_the_row_of_another_subject_brings_back_a_deleted_row() {
    assert_breaks(Protocol::GivesWhatItFinds, ALL_ARRIVE);
}

#[test]
fn a_key_stays_parked_although_the_other_subjects_row_has_taken_its_place_on_both_sides() {
    assert_breaks(Protocol::ParksWhatIsReplaced, NO_FALSE_ALARM);
}

#[test]
fn without_the_removal_of_a_row_that_was_replaced_both_sides_keep_a_deleted_row() {
    assert_breaks(Protocol::LeavesWhatIsReplaced, ALL_ARRIVE);
}

#[test]
fn without_an_entry_for_the_arrival_the_copy_of_a_row_that_was_handed_over_is_missing() {
    assert_breaks(Protocol::ArrivesUnnoticed, ALL_ARRIVE);
}

#[test]
fn without_the_subject_before_a_row_that_is_handed_over_is_parked_for_nothing() {
    assert_breaks(Protocol::NamesTheNewSubject, NO_FALSE_ALARM);
}
