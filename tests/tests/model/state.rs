//! The state of the two backends, the two hosts and the appliers at one moment.

use turnout_vocabulary::Backend;

use crate::protocol::{Epoch, WRITES, authority};

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The backends `old` and `new`.
    pub(crate) backends: [Replica; 2],
    /// The mirror from `old` to `new`, and the mirror back.
    pub(crate) mirrors: [Mirror<Applier>; 2],
    /// The two hosts.
    pub(crate) hosts: [Host; 2],
    /// The newest epoch that a host has begun a handoff to.
    pub(crate) newest: Epoch,
    /// The released epochs (a bit each). An abandonment is released as it is recorded.
    pub(crate) released: u8,
    /// The epochs under which writes were committed (a bit each), forgotten after the last write.
    pub(crate) written: u8,
    /// How many writes are committed. The last write has this number as its value.
    pub(crate) committed: u8,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// One backend's data about the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replica {
    /// The row's value: the number of the write that made it. A deletion is a value like any other.
    pub(crate) row: u8,
    /// The dirty entries. Each write has the epoch that it carried while its entry is there, else 0.
    pub(crate) dirty: [Epoch; WRITES as usize],
    /// The lowest epoch that the backend accepts.
    pub(crate) fence: Epoch,
}

/// One direction of the mirror.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mirror<A> {
    /// The lease's token on the source.
    pub(crate) on_source: u8,
    /// The lease's token on the target.
    pub(crate) on_target: u8,
    /// The two appliers that compete for the lease.
    pub(crate) appliers: [A; 2],
}

/// The progress of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// The applier holds no lease.
    Idle,
    /// The applier has raised the token on the source.
    Claimed { token: u8 },
    /// The applier has raised the token on the target too.
    Holding { token: u8 },
    /// The applier has taken a batch, and perhaps the next one.
    Read {
        token: u8,
        batch: Batch,
        next: Option<Batch>,
    },
    /// The row is on the target. These entries (a bit each) are to be acknowledged.
    Applied {
        token: u8,
        entries: u8,
        next: Option<Batch>,
    },
}

/// Dirty entries (a bit each) and the row, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    pub(crate) entries: u8,
    pub(crate) row: u8,
}

/// One host's knowledge and work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Host {
    /// The epoch that the host believes in.
    pub(crate) epoch: Epoch,
    /// The epoch of a write that the fence let in and that is not committed yet; 0 means none. The write's transaction holds the lock on
    /// that epoch.
    pub(crate) writing: Epoch,
    /// The epoch of the handoff that the host coordinates (0 means none), and how many steps of it are done.
    pub(crate) duty: (Epoch, u8),
}

/// What no step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A write was committed under an epoch although a later epoch with another authority was released.
    StaleAuthority,
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// The first state: both backends are equal, epoch 1 is in force, and nobody does anything.
    pub(crate) const FIRST: Self = Self {
        backends: [const {
            Replica {
                row: 0,
                dirty: [0; WRITES as usize],
                fence: 1,
            }
        }; 2],
        mirrors: [const {
            Mirror {
                on_source: 0,
                on_target: 0,
                appliers: [Applier::Idle; 2],
            }
        }; 2],
        hosts: [Host {
            epoch: 1,
            writing: 0,
            duty: (0, 0),
        }; 2],
        newest: 1,
        released: 1 << 1,
        written: 0,
        committed: 0,
        fault: None,
    };

    pub(crate) fn at(&self, backend: Backend) -> &Replica {
        &self.backends[backend as usize]
    }

    pub(crate) fn at_mut(&mut self, backend: Backend) -> &mut Replica {
        &mut self.backends[backend as usize]
    }

    pub(crate) fn is_released(&self, epoch: Epoch) -> bool {
        self.released & (1 << epoch) != 0
    }

    /// Whether `epoch` abandons its predecessor. The predecessor is not released then, and never will be.
    pub(crate) fn is_abandonment(&self, epoch: Epoch) -> bool {
        self.is_released(epoch) && !self.is_released(epoch - 1)
    }

    /// Whether a write older than `epoch` was let in on a side and has not ended.
    pub(crate) fn is_held_up(&self, side: Backend, epoch: Epoch) -> bool {
        self.hosts
            .iter()
            .any(|host| (1..epoch).contains(&host.writing) && authority(host.writing) == side)
    }
}

impl Replica {
    /// The dirty entries on this backend (a bit each).
    pub(crate) fn entries(&self) -> u8 {
        (0..)
            .zip(self.dirty)
            .fold(0, |found, (id, epoch)| found | u8::from(epoch != 0) << id)
    }

    /// Whether a dirty entry older than `epoch` is pending.
    pub(crate) fn is_dirty_before(&self, epoch: Epoch) -> bool {
        self.dirty.iter().any(|&entry| entry != 0 && entry < epoch)
    }
}
