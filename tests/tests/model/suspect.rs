//! A comparison looks at both sides while writes go on, and must not cry wolf: a key that differs only because its entry is on the way is
//! no divergence.
//!
//! What is modelled: one key, whose row is there or not, with two values; its authority and the mirror; up to [`WRITES`] writes; an
//! applier; a person who changes the mirror's side directly, once; and one look at the key that ends in a verdict.
//!
//! | in the code | here |
//! |---|---|
//! | a write of the application, with its dirty entry | [`Step::Write`] |
//! | the applier takes the entries and reads the row, applies it, acknowledges what it has taken | [`Step::Apply`] |
//! | a change on the side that is not the authority | [`Step::Tamper`] |
//! | the row version (`xmin`), which every write changes and which no other row has | [`Row::version`] |
//! | the next look | [`Step::Look`] |
//!
//! A look reads the row of one side and, on the authority, whether the key is dirty, in one snapshot. Three looks are enough. A side that
//! has a row is looked at first and last, the other side in between. The two looks at the same side must find the same row version. That
//! side did not change between them then, so the row of the look in between was there at the same time. If the authority is looked at twice
//! and is clean both times, no entry was made in between, because each entry is made by a write of the row.
//!
//! It is not enough to compare the two looks by value (`design.md` says so): if two writes are mirrored between the looks, the second may
//! put the first value back, and the look in between finds the value of the first write on the mirror's side.
//!
//! What is not modelled: entries that are parked or held, which confirm a difference by themselves; the handoff.

use stateright::{Model, Property};

use crate::checking::{assert_breaks, assert_holds};

/// The largest number of writes.
const WRITES: u8 = 4;

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// The protocol as described above.
    AsDesigned,
    /// Two looks at one side are compared by value.
    ComparesValues,
    /// A look does not ask whether the key is dirty.
    PassesOverEntries,
    /// The comparison does not look at the authority again.
    LooksOnce,
    /// The comparison looks at the authority twice although the authority has no row.
    LooksTwiceAtNothing,
}

/// The row of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    value: u8,
    /// The number of the write that made the row.
    version: u8,
}

/// The result of a look at the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seen {
    row: Option<Row>,
    is_dirty: bool,
}

/// The progress of the looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Looks {
    /// No look has been made.
    #[default]
    None,
    /// The authority was looked at and has a row.
    Authority(Seen),
    /// The authority was looked at and has a row, and the mirror was looked at.
    AuthorityThenMirror(Seen, Option<Row>),
    /// The authority was looked at and has no row, and the mirror was looked at.
    Mirror(Option<Row>),
    /// The authority has no row, the mirror was looked at, and the authority was looked at again.
    MirrorThenAuthority(Option<Row>, Seen),
    /// The verdict: the key diverges.
    Diverged,
    /// The verdict: the sides are equal, or the key is looked at again later.
    Over,
}

/// The progress of the applier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Applier {
    /// The applier has taken nothing.
    #[default]
    Idle,
    /// The applier has taken the entries of so many writes, and has read the row.
    Taken(u8, Option<Row>),
    /// The applier has applied the row that it read with the entries of so many writes.
    Applied(u8),
}

/// The system at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    authority: Option<Row>,
    mirror: Option<Row>,
    /// How many writes there were.
    writes: u8,
    /// How many writes have acknowledged entries, which are gone.
    acknowledged: u8,
    /// How many row versions were made on either side.
    versions: u8,
    has_tampered: bool,
    applier: Applier,
    looks: Looks,
    /// Whether the sides have differed without an entry at some moment since the looks began.
    differed: bool,
}

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A write of this value; `None` deletes the row.
    Write(Option<u8>),
    /// The next step of the applier.
    Apply,
    /// A person changes the mirror's side.
    Tamper(Option<u8>),
    /// The next look.
    Look,
}

fn value(row: Option<Row>) -> Option<u8> {
    row.map(|row| row.value)
}

impl State {
    fn row(&mut self, value: Option<u8>) -> Option<Row> {
        let value = value?;
        self.versions += 1;
        Some(Row {
            value,
            version: self.versions,
        })
    }

    fn is_dirty(&self) -> bool {
        self.acknowledged < self.writes
    }

    fn write(&mut self, value: Option<u8>) -> Option<()> {
        if self.writes == WRITES || value.is_none() && self.authority.is_none() {
            return None;
        }
        self.writes += 1;
        self.authority = self.row(value);
        Some(())
    }

    fn apply(&mut self) -> Option<()> {
        self.applier = match self.applier {
            Applier::Idle if self.is_dirty() => Applier::Taken(self.writes, self.authority),
            Applier::Idle => return None,
            Applier::Taken(writes, row) => {
                if value(self.mirror) != value(row) {
                    self.mirror = self.row(value(row));
                }
                Applier::Applied(writes)
            }
            Applier::Applied(writes) => {
                self.acknowledged = writes;
                Applier::Idle
            }
        };
        Some(())
    }

    fn tamper(&mut self, to: Option<u8>) -> Option<()> {
        if self.has_tampered || value(self.mirror) == to {
            return None;
        }
        self.has_tampered = true;
        self.mirror = self.row(to);
        Some(())
    }

    fn look(&mut self, protocol: Protocol) -> Option<()> {
        let seen = Seen {
            row: self.authority,
            is_dirty: self.is_dirty() && protocol != Protocol::PassesOverEntries,
        };
        let is_same = |one: Option<Row>, two: Option<Row>| match protocol {
            Protocol::ComparesValues => value(one) == value(two),
            Protocol::LooksOnce => true,
            _ => one == two,
        };
        self.looks = match self.looks {
            Looks::None => {
                self.differed = false;
                if seen.is_dirty {
                    return None;
                }
                if seen.row.is_some() || protocol == Protocol::LooksTwiceAtNothing {
                    Looks::Authority(seen)
                } else {
                    Looks::Mirror(self.mirror)
                }
            }
            Looks::Authority(first) => Looks::AuthorityThenMirror(first, self.mirror),
            Looks::AuthorityThenMirror(first, mirror) => {
                let is_clean = !seen.is_dirty || protocol == Protocol::LooksOnce;
                let differs = value(first.row) != value(mirror);
                verdict(is_clean && is_same(first.row, seen.row) && differs)
            }
            // Neither side has a row.
            Looks::Mirror(None) => Looks::Over,
            Looks::Mirror(first) => Looks::MirrorThenAuthority(first, seen),
            Looks::MirrorThenAuthority(first, authority) => {
                let differs = value(authority.row) != value(first);
                verdict(!authority.is_dirty && is_same(first, self.mirror) && differs)
            }
            Looks::Diverged | Looks::Over => return None,
        };
        Some(())
    }
}

fn verdict(has_diverged: bool) -> Looks {
    if has_diverged { Looks::Diverged } else { Looks::Over }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        let values = [None, Some(1), Some(2)];
        steps.extend(values.map(Step::Write));
        steps.extend(values.map(Step::Tamper));
        steps.extend([Step::Apply, Step::Look]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Write(value) => state.write(value)?,
            Step::Apply => state.apply()?,
            Step::Tamper(value) => state.tamper(value)?,
            Step::Look => state.look(*self)?,
        }
        state.differed |= !state.is_dirty() && value(state.authority) != value(state.mirror);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_CRY_OF_WOLF, |_, state: &State| {
                state.looks != Looks::Diverged || state.differed
            }),
            Property::sometimes("a row that a person changed is found", |_, state: &State| {
                state.looks == Looks::Diverged && state.authority.is_some() && state.mirror.is_some()
            }),
            Property::sometimes("a row that a person removed is found", |_, state: &State| {
                state.looks == Looks::Diverged && state.mirror.is_none()
            }),
            Property::sometimes("a row that a person added is found", |_, state: &State| {
                state.looks == Looks::Diverged && state.authority.is_none()
            }),
        ]
    }
}

const NO_CRY_OF_WOLF: &str = "a divergence is a difference that no entry was to end";

#[test]
fn a_confirmed_divergence_is_a_difference_that_no_entry_was_to_end() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn two_looks_compared_by_value_cry_wolf() {
    assert_breaks(Protocol::ComparesValues, NO_CRY_OF_WOLF);
}

#[test]
fn a_look_that_passes_over_entries_cries_wolf() {
    assert_breaks(Protocol::PassesOverEntries, NO_CRY_OF_WOLF);
}

#[test]
fn one_look_at_the_authority_cries_wolf() {
    assert_breaks(Protocol::LooksOnce, NO_CRY_OF_WOLF);
}

#[test]
fn two_looks_at_an_authority_without_a_row_cry_wolf() {
    assert_breaks(Protocol::LooksTwiceAtNothing, NO_CRY_OF_WOLF);
}
