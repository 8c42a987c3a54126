//! Everything that the two backends and the appliers know, at one moment, and what a write does to it.

use turnout_vocabulary::Backend;

use super::applier::Applier;
use crate::state::Mirror;

/// How many writes are committed at most.
pub(crate) const WRITES: u8 = 4;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// `old` and `new`.
    pub(crate) backends: [Side; 2],
    /// The mirror from `old` to `new`, and the one back.
    pub(crate) mirrors: [Mirror<Applier>; 2],
    /// How many writes are committed; also the number of the last of them.
    pub(crate) committed: u8,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// What one backend holds of the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    /// The row.
    pub(crate) row: Row,
    /// The dirty entries: a bit for each write whose entry is here.
    pub(crate) dirty: u8,
    /// Those of the other side's entries that the row was read with that came last; none are 0.
    pub(crate) receipt: u8,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    /// The write that made it.
    pub(crate) number: u8,
    /// Whether its authority is `new`.
    pub(crate) at_new: bool,
}

/// What must never happen in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A write was made to a row that is not the newest.
    StaleRow,
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// Both backends have the same row, whose authority is `old`; nobody does anything.
    pub(crate) const FIRST: Self = Self {
        backends: [const {
            Side {
                row: Row {
                    number: 0,
                    at_new: false,
                },
                dirty: 0,
                receipt: 0,
            }
        }; 2],
        mirrors: [const {
            Mirror {
                on_source: 0,
                on_target: 0,
                appliers: [Applier::Idle; 2],
            }
        }; 2],
        committed: 0,
        fault: None,
    };

    pub(crate) fn at(&self, backend: Backend) -> &Side {
        &self.backends[backend as usize]
    }

    pub(crate) fn at_mut(&mut self, backend: Backend) -> &mut Side {
        &mut self.backends[backend as usize]
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.backends.iter().any(|side| side.dirty != 0)
    }

    /// A write at a side, and where the row's authority is then; nothing if it is not there before.
    pub(crate) fn write(&mut self, backend: Backend, to: Backend) -> Option<()> {
        let committed = self.committed;
        let side = self.at_mut(backend);
        if committed == WRITES || !side.row.is_at(backend) {
            return None;
        }
        let is_stale = side.row.number != committed;
        side.dirty |= 1 << committed;
        side.row = Row {
            number: committed + 1,
            at_new: to == Backend::New,
        };
        self.committed += 1;
        if is_stale {
            self.fault = Some(Fault::StaleRow);
        }
        Some(())
    }
}

impl Row {
    /// Whether this side is its authority.
    pub(crate) fn is_at(self, backend: Backend) -> bool {
        self.at_new == (backend == Backend::New)
    }
}
