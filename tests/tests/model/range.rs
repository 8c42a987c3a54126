//! A dirty range: an entry that says of all keys in it that their rows may differ. The applier copies a range in chunks, beside the entries
//! of single keys. Every order of every step is explored, as in the model of the handoff.
//!
//! What is modelled: two keys on two sides, whose rows only the source has at first. Up to [`WRITES`] writes change or delete them, two
//! appliers compete for the lease, and one handoff moves the authority of the second key to the target. An applier may crash after any step.
//!
//! | in the code | here |
//! |---|---|
//! | a chunk is read on the source under the lease | [`Step::ReadChunk`] |
//! | the chunk is copied where the target has none of its rows, in a transaction that checks the fence, and the token before it commits | [`Step::Copy`] |
//! | else its keys get entries of their own, before the bound of the range moves, in a transaction that checks the fence | [`Chunk`] with `as_entries` |
//! | the bound of the range moves up | [`Step::MoveBound`] |
//! | a batch of entries | [`Step::Take`], [`Step::Apply`], [`Step::Acknowledge`] |
//! | both fences rise; the handoff goes on when no entry of the moving key is left and its rows are equal | [`Step::RaiseFences`], [`Step::Release`] |
//!
//! A range of a past epoch stays where it is: the comparison of the next epoch begins another. What is not modelled: the mirror back, rows
//! of other subjects in a chunk (the applier passes over them), and crashes of a server, as a chunk counts as a batch with a tick.

use stateright::{Model, Property};

use crate::checking::{assert_breaks, assert_holds};

const WRITES: u8 = 2;

/// How often the lease is taken: each applier comes back once or stays away.
const LEASES: u8 = 3;
const KEYS: usize = 2;

/// The key whose authority moves.
const MOVING: usize = 1;

/// The protocol as designed, or with one mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    AsDesigned,
    /// A copy does not check the token.
    NoTokenOnCopy,
    /// A copy does not check the fence.
    NoFenceOnCopy,
    /// The entries of a chunk that could not be copied do not check the fence.
    NoFenceOnEntries,
    /// The applier takes entries while a chunk is on its way.
    EntriesBesideAChunk,
    /// The bound moves before the chunk is copied.
    BoundBeforeTheCopy,
    /// The keys of a chunk that could not be copied get no entries.
    NoEntriesForWhatIsThere,
}

/// A row: the number of the write that made it, and whether that deleted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    number: u8,
    is_there: bool,
}

impl Row {
    fn is_same(self, other: Self) -> bool {
        self.is_there == other.is_there && (!self.is_there || self.number == other.number)
    }
}

/// A chunk on its way: the keys from the bound of the range on, as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Chunk {
    from: usize,
    to: usize,
    rows: [Row; KEYS],
    is_copied: bool,
    as_entries: bool,
    has_moved: bool,
}

/// Entries of one key on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Batch {
    key: usize,
    entries: u8,
    row: Row,
    is_applied: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Applier {
    token: u8,
    chunk: Option<Chunk>,
    batch: Option<Batch>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    source: [Row; KEYS],
    target: [Row; KEYS],
    /// How many entries each key has on the source.
    dirty: [u8; KEYS],
    /// The first key of the range; [`KEYS`] when the range is done.
    bound: usize,
    written: u8,
    token: u8,
    appliers: [Applier; 2],
    fences_stand: bool,
    is_released: bool,
    put_older: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A write of a key, on its authority, that leaves a row or deletes it.
    Write(usize, bool),
    Lease(usize),
    /// So many keys.
    ReadChunk(usize, usize),
    Copy(usize),
    MoveBound(usize),
    Take(usize, usize),
    Apply(usize),
    Acknowledge(usize),
    Crash(usize),
    RaiseFences,
    Release,
}

impl State {
    fn holds_lease(&self, who: usize) -> bool {
        self.appliers[who].token == self.token
    }

    fn write(&mut self, key: usize, is_there: bool) -> Option<()> {
        // Writes of the moving key wait during the handoff.
        if self.written == WRITES || key == MOVING && self.fences_stand && !self.is_released {
            return None;
        }
        self.written += 1;
        let row = Row {
            number: self.written + 1,
            is_there,
        };
        if key == MOVING && self.is_released {
            self.target[key] = row;
        } else {
            self.source[key] = row;
            self.dirty[key] += 1;
        }
        Some(())
    }

    fn put(&mut self, key: usize, row: Row) {
        self.put_older |= row.number < self.target[key].number;
        self.target[key] = row;
    }

    fn read_chunk(&mut self, who: usize, keys: usize, protocol: Protocol) -> Option<()> {
        let applier = self.appliers[who];
        let is_free = applier.chunk.is_none() && (applier.batch.is_none() || protocol == Protocol::EntriesBesideAChunk);
        let (from, to) = (self.bound, self.bound + keys);
        if applier.token == 0 || !self.holds_lease(who) || !is_free || to > KEYS {
            return None;
        }
        let mut rows = self.source;
        for (key, row) in rows.iter_mut().enumerate() {
            if !(from..to).contains(&key) {
                *row = Row::default();
            }
        }
        self.appliers[who].chunk = Some(Chunk {
            from,
            to,
            rows,
            is_copied: false,
            as_entries: false,
            has_moved: false,
        });
        Some(())
    }

    fn copy(&mut self, who: usize, protocol: Protocol) -> Option<()> {
        let chunk = self.appliers[who].chunk.filter(|chunk| !chunk.is_copied)?;
        if protocol == Protocol::BoundBeforeTheCopy && !chunk.has_moved {
            return None;
        }
        let is_fenced = self.fences_stand && protocol != Protocol::NoFenceOnCopy;
        let is_shut_out = !self.holds_lease(who) && protocol != Protocol::NoTokenOnCopy;
        if is_fenced || is_shut_out {
            self.appliers[who].chunk = None;
            return Some(());
        }
        let mut keys = chunk.from..chunk.to;
        let as_entries = keys.clone().any(|key| self.target[key].is_there);
        if !as_entries {
            // A row that was not there when the chunk was read is not in the chunk.
            keys.by_ref()
                .filter(|key| chunk.rows[*key].is_there)
                .for_each(|key| self.put(key, chunk.rows[key]));
        }
        let copied = Chunk {
            is_copied: true,
            as_entries,
            ..chunk
        };
        self.appliers[who].chunk = Some(copied).filter(|chunk| !chunk.has_moved);
        Some(())
    }

    fn move_bound(&mut self, who: usize, protocol: Protocol) -> Option<()> {
        let chunk = self.appliers[who].chunk.filter(|chunk| !chunk.has_moved)?;
        let goes_first = protocol == Protocol::BoundBeforeTheCopy;
        if chunk.is_copied == goes_first {
            return None;
        }
        if chunk.as_entries && self.fences_stand && protocol != Protocol::NoFenceOnEntries {
            self.appliers[who].chunk = None;
            return Some(());
        }
        self.appliers[who].chunk = goes_first.then_some(Chunk {
            has_moved: true,
            ..chunk
        });
        if self.holds_lease(who) && self.bound == chunk.from {
            self.bound = chunk.to;
            if chunk.as_entries && protocol != Protocol::NoEntriesForWhatIsThere {
                (chunk.from..chunk.to).for_each(|key| self.dirty[key] += 1);
            }
        }
        Some(())
    }

    fn take(&mut self, who: usize, key: usize, protocol: Protocol) -> Option<()> {
        let applier = self.appliers[who];
        let is_free = applier.batch.is_none() && (applier.chunk.is_none() || protocol == Protocol::EntriesBesideAChunk);
        if applier.token == 0 || !self.holds_lease(who) || !is_free || self.dirty[key] == 0 {
            return None;
        }
        self.appliers[who].batch = Some(Batch {
            key,
            entries: self.dirty[key],
            row: self.source[key],
            is_applied: false,
        });
        Some(())
    }

    fn apply(&mut self, who: usize) -> Option<()> {
        let batch = self.appliers[who].batch.filter(|batch| !batch.is_applied)?;
        if !self.holds_lease(who) {
            self.appliers[who].batch = None;
            return Some(());
        }
        self.put(batch.key, batch.row);
        self.appliers[who].batch = Some(Batch {
            is_applied: true,
            ..batch
        });
        Some(())
    }

    fn acknowledge(&mut self, who: usize) -> Option<()> {
        let batch = self.appliers[who].batch.filter(|batch| batch.is_applied)?;
        if self.holds_lease(who) {
            self.dirty[batch.key] -= batch.entries;
        }
        self.appliers[who].batch = None;
        Some(())
    }

    fn release(&mut self) -> Option<()> {
        let is_proven = self.dirty[MOVING] == 0 && self.source[MOVING].is_same(self.target[MOVING]);
        if !self.fences_stand || self.is_released || !is_proven {
            return None;
        }
        self.is_released = true;
        Some(())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            source: [Row {
                number: 1,
                is_there: true,
            }; KEYS],
            target: [Row {
                number: 0,
                is_there: false,
            }; KEYS],
            dirty: [0; KEYS],
            bound: 0,
            written: 0,
            token: 0,
            appliers: [Applier::default(); 2],
            fences_stand: false,
            is_released: false,
            put_older: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.put_older {
            return;
        }
        for key in 0..KEYS {
            steps.extend([Step::Write(key, true), Step::Write(key, false)]);
        }
        for who in 0..2 {
            steps.extend(
                (state.token < LEASES && !state.holds_lease(who) || state.token == 0).then_some(Step::Lease(who)),
            );
            for key in 0..KEYS {
                steps.extend([Step::ReadChunk(who, key + 1), Step::Take(who, key)]);
            }
            steps.extend([
                Step::Copy(who),
                Step::MoveBound(who),
                Step::Apply(who),
                Step::Acknowledge(who),
                Step::Crash(who),
            ]);
        }
        steps.extend([Step::RaiseFences, Step::Release]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Write(key, is_there) => state.write(key, is_there)?,
            Step::Lease(who) => {
                state.token += 1;
                // A sleeper that wakes up with a chunk on its way is dispossessed, and only then takes the lease again.
                if state.appliers[who].chunk.is_some() || state.appliers[who].batch.is_some() {
                    return None;
                }
                state.appliers[who].token = state.token;
            }
            Step::ReadChunk(who, keys) => state.read_chunk(who, keys, *self)?,
            Step::Copy(who) => state.copy(who, *self)?,
            Step::MoveBound(who) => state.move_bound(who, *self)?,
            Step::Take(who, key) => state.take(who, key, *self)?,
            Step::Apply(who) => state.apply(who)?,
            Step::Acknowledge(who) => state.acknowledge(who)?,
            Step::Crash(who) => {
                let token = state.appliers[who].token;
                let crashed = Applier {
                    token,
                    ..Applier::default()
                };
                (state.appliers[who] != crashed).then_some(())?;
                state.appliers[who] = crashed;
            }
            Step::RaiseFences => {
                (!state.fences_stand).then_some(())?;
                state.fences_stand = true;
            }
            Step::Release => state.release()?,
        }
        // An applier that lost the lease and is at nothing is like one that never had it.
        for who in 0..2 {
            let Applier { chunk, batch, .. } = state.appliers[who];
            if chunk.is_none() && batch.is_none() && !state.holds_lease(who) {
                state.appliers[who].token = 0;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_LOST_ROW, |_, state: &State| {
                (0..KEYS).all(|key| {
                    let is_covered = state.dirty[key] > 0 || key >= state.bound || key == MOVING && state.is_released;
                    is_covered || state.source[key].is_same(state.target[key])
                })
            }),
            Property::always(NO_OLDER_ROW, |_, state: &State| !state.put_older),
            Property::sometimes("a range is copied beside writes", |_, state: &State| {
                state.bound == KEYS && state.written == WRITES && state.dirty == [0; KEYS]
            }),
            Property::sometimes("authority moves while a range is there", |_, state: &State| {
                state.is_released && state.bound < KEYS && state.target[MOVING].number > 1
            }),
        ]
    }
}

const NO_LOST_ROW: &str = "both sides are equal outside the range where no entry is left";
const NO_OLDER_ROW: &str = "no copy puts an older row over a newer one";

#[test]
fn a_range_is_copied_beside_writes_and_a_handoff() {
    assert_holds(Protocol::AsDesigned);
}

#[test]
fn a_copy_without_a_token_puts_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::NoTokenOnCopy, NO_OLDER_ROW);
}

#[test]
fn a_copy_without_the_fence_puts_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::NoFenceOnCopy, NO_OLDER_ROW);
}

#[test]
fn entries_without_the_fence_put_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::NoFenceOnEntries, NO_OLDER_ROW);
}

#[test]
fn entries_taken_beside_a_chunk_let_an_old_row_over_a_new_one() {
    assert_breaks(Protocol::EntriesBesideAChunk, NO_OLDER_ROW);
}

#[test]
fn a_bound_that_moves_before_the_copy_loses_a_row() {
    assert_breaks(Protocol::BoundBeforeTheCopy, NO_LOST_ROW);
}

#[test]
fn rows_in_the_way_of_a_copy_need_entries() {
    assert_breaks(Protocol::NoEntriesForWhatIsThere, NO_LOST_ROW);
}
