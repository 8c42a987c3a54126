//! A row that is handed from subject to subject, and so from one authority to the other without a handoff. Every order of every step is
//! explored, as in the model of the handoff.
//!
//! What is modelled: one key on two backends, up to [`WRITES`] writes, and for each direction of the mirror two appliers that compete for
//! its lease. A write goes to the backend that its row names as the authority, and the writer has found the row there. A write may hand the
//! row over. No write waits for an acknowledgement. An applier takes some of the dirty entries or all of them, then reads the row, and may
//! crash after any step.
//!
//! | in the code | here |
//! |---|---|
//! | a write that names the present state of the row, on the row's authority | [`Step::Write`] |
//! | a batch that ends between two entries of a row | [`Step::Look`] with some of them |
//! | one query reads the entries, another reads the row | `Advance` from `Looked` |
//! | a receipt, left on the target with a row that may be given away | [`Side::receipt`] |
//! | an acknowledgement takes all entries that the row was read with | [`Applier::Applied`] |
//! | the next batch is taken while one is applied, unless that gives rows away | [`Step::Look`] and [`Step::ReadAhead`] before the acknowledgement |
//! | an applier that takes the lease finishes acknowledgements that have a receipt | `Advance` from `Admitted` |
//!
//! A deleted row is a value like any other. To insert the row again under another subject is to hand it over.
//!
//! What is not modelled:
//! - handoffs, which another model has;
//! - how an applier knows that a row is handed over: the code assumes so whenever the subject changed, whatever the policies say, and
//!   superfluous receipts do no harm;
//! - keys that are held because they could not be applied;
//! - that in a large table the acknowledged entries are only noted, and a note stands until all entries that it covers are gone. This
//!   rests on a pass that reads the table in the order of its places;
//! - a crash of a server, which takes back no acknowledgement of a key with a receipt.

mod applier;
mod state;

use stateright::{Model, Property};
use turnout_vocabulary::Backend;

use applier::Applier;
use state::{Fault, Row, State, WRITES};

use crate::checking::{assert_breaks, assert_holds};

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The protocol as the appliers and the backends have it.
    AsDesigned,
    /// Every apply leaves a receipt, also one that hands nothing over. This is no mistake.
    ReceiptsForAll,
    /// An apply leaves no receipt.
    NoReceipt,
    /// An acknowledgement removes only the entries that were taken, although the row was read when there were more.
    AcknowledgesWhatWasTaken,
    /// A receipt is removed before the acknowledgement that it stands for.
    ForgetsBeforeTheAcknowledgement,
    /// An applier that takes the lease looks for receipts before the token shuts its predecessor out.
    LooksForReceiptsBeforeTheToken,
    /// The next batch is taken while a row that is handed over is not acknowledged.
    ReadsAheadOfAHandover,
}

impl Protocol {
    /// Whether a row counts as handed over when it is mirrored.
    fn hands_over(self, source: Backend, row: Row) -> bool {
        self == Self::ReceiptsForAll || !row.is_at(source)
    }
}

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A write at a backend, and the row's authority after it.
    Write(Backend, Backend),
    /// An applier of the mirror from this backend takes these entries (a bit each).
    Look(Backend, usize, u8),
    /// The applier reads the row for entries that it took before the last batch was acknowledged.
    ReadAhead(Backend, usize),
    /// The applier takes its next step.
    Advance(Backend, usize),
    /// The applier forgets everything.
    Crash(Backend, usize),
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::FIRST]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.fault.is_some() {
            return;
        }
        for side in Backend::ALL {
            steps.extend(Backend::ALL.map(|to| Step::Write(side, to)));
            let dirty = state.at(side).dirty;
            for (who, applier) in state.mirrors[side as usize].appliers.iter().enumerate() {
                let free = applier.free(side, dirty, *self);
                steps.extend(
                    (1..=free)
                        .filter(|some| some & !free == 0)
                        .map(|some| Step::Look(side, who, some)),
                );
                if !matches!(applier, Applier::Holding { .. }) {
                    steps.push(Step::Advance(side, who));
                    steps.push(Step::ReadAhead(side, who));
                }
                steps.push(Step::Crash(side, who));
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Write(side, to) => state.write(side, to)?,
            Step::Look(source, who, entries) => state.look(source, who, entries)?,
            Step::ReadAhead(source, who) => state.read_ahead(source, who)?,
            Step::Advance(source, who) => state.advance(source, who, *self),
            Step::Crash(source, who) => state.crash(source, who)?,
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_LOST_WRITE, |_, state: &State| {
                state.is_dirty()
                    || Backend::ALL
                        .iter()
                        .all(|&side| state.at(side).row.number == state.committed)
            }),
            Property::always(NO_STALE_ROW, |_, state: &State| state.fault != Some(Fault::StaleRow)),
            Property::always(NO_OLDER_ROW, |_, state: &State| state.fault != Some(Fault::OlderRow)),
            Property::sometimes("all writes are mirrored", |_, state: &State| {
                state.committed == WRITES && !state.is_dirty()
            }),
        ]
    }
}

const NO_LOST_WRITE: &str = "where no dirty entry is left, both rows are the last committed write";
const NO_STALE_ROW: &str = "no write is made to a row that is not the newest";
const NO_OLDER_ROW: &str = "no apply puts an older row over a newer one";

#[test]
fn rows_may_be_handed_over_and_on() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn receipts_for_all_rows_do_no_harm() {
    assert_holds(Protocol::ReceiptsForAll);
}

#[test]
fn without_receipts_an_old_row_is_put_over_a_new_one() {
    assert_breaks(Protocol::NoReceipt, NO_OLDER_ROW);
}

#[test]
fn acknowledging_less_than_was_read_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::AcknowledgesWhatWasTaken, NO_OLDER_ROW);
}

#[test]
fn forgetting_a_receipt_too_soon_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::ForgetsBeforeTheAcknowledgement, NO_OLDER_ROW);
}

#[test]
fn looking_for_receipts_before_the_token_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::LooksForReceiptsBeforeTheToken, NO_OLDER_ROW);
}

#[test]
fn reading_ahead_of_a_handover_lets_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::ReadsAheadOfAHandover, NO_OLDER_ROW);
}
