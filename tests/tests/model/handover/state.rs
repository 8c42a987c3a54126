//! The state of the two backends and the appliers at one moment, and the effect of a write.

use turnout_vocabulary::Backend;

use super::applier::Applier;
use crate::state::Mirror;

/// The largest number of committed writes.
pub(crate) const WRITES: u8 = 4;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The backends `old` and `new`.
    pub(crate) backends: [Side; 2],
    /// The mirror from `old` to `new`, and the mirror back.
    pub(crate) mirrors: [Mirror<Applier>; 2],
    /// How many writes are committed. The last write has this number.
    pub(crate) committed: u8,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// One backend's data about the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    /// The row.
    pub(crate) row: Row,
    /// The dirty entries, with a bit for each write.
    pub(crate) dirty: u8,
    /// The entries of the other side that the last applied row was read with, with a bit for each write. 0 means that there is no receipt.
    pub(crate) receipt: u8,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    /// The number of the write that made the row.
    pub(crate) number: u8,
    /// Whether the row's authority is `new`.
    pub(crate) at_new: bool,
}

/// What no step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A write changed a row that is not the newest.
    StaleRow,
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// The first state: both backends have the same row, whose authority is `old`, and nobody does anything.
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

    /// A write at `backend` that leaves the row's authority at `to`; `None` if the authority was not `backend` before.
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
    /// Whether this backend is the row's authority.
    pub(crate) fn is_at(self, backend: Backend) -> bool {
        self.at_new == (backend == Backend::New)
    }
}
