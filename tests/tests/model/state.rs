//! Everything that the two backends, the two hosts and the appliers know, at one moment.

use turnout_vocabulary::Backend;

use crate::protocol::{Epoch, WRITES, authority};

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// `old` and `new`.
    pub(crate) backends: [Replica; 2],
    /// The mirror from `old` to `new`, and the one back.
    pub(crate) mirrors: [Mirror<Applier>; 2],
    /// The two hosts.
    pub(crate) hosts: [Host; 2],
    /// The newest epoch that a host has begun a handoff to.
    pub(crate) newest: Epoch,
    /// Which epochs are released: a bit each. An abandonment is released as it is recorded.
    pub(crate) released: u8,
    /// Under which epochs writes were committed: a bit each, forgotten after the last write.
    pub(crate) written: u8,
    /// How many writes are committed; also the value of the last of them.
    pub(crate) committed: u8,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// What one backend holds of the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Replica {
    /// The row's value: the number of the write that made it. A deletion is a value like any other.
    pub(crate) row: u8,
    /// The dirty entries: for each write, the epoch it carried while its entry is here, else 0.
    pub(crate) dirty: [Epoch; WRITES as usize],
    /// The lowest epoch that is accepted.
    pub(crate) fence: Epoch,
}

/// One direction of the mirror.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mirror<A> {
    /// The lease's token on the source.
    pub(crate) on_source: u8,
    /// The lease's token on the target.
    pub(crate) on_target: u8,
    /// The two who compete for the lease.
    pub(crate) appliers: [A; 2],
}

/// How far an applier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// It holds no lease.
    Idle,
    /// It has raised the token on the source.
    Claimed { token: u8 },
    /// It has raised the token on the target too.
    Holding { token: u8 },
    /// It has taken a batch, and perhaps the next.
    Read {
        token: u8,
        batch: Batch,
        next: Option<Batch>,
    },
    /// The row is on the target; these entries (a bit each) are to be acknowledged.
    Applied {
        token: u8,
        entries: u8,
        next: Option<Batch>,
    },
}

/// Dirty entries (a bit each) and the row, as read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    pub(crate) entries: u8,
    pub(crate) row: u8,
}

/// What one host knows and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Host {
    /// The epoch it believes in.
    pub(crate) epoch: Epoch,
    /// The epoch of a write that the fence let in and that is not yet committed; 0 means none. Its transaction holds the lock
    /// on that epoch.
    pub(crate) writing: Epoch,
    /// The epoch that it coordinates the handoff to (0 means none), and how many steps of it are done.
    pub(crate) duty: (Epoch, u8),
}

/// What must never happen in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// A write was committed although a later epoch with another authority was released.
    StaleAuthority,
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// Both backends are equal, epoch 1 is in force, nobody does anything.
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

    /// Whether `epoch` abandons the one before it: that one is not released, and never will be.
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
    /// The dirty entries that are here: a bit each.
    pub(crate) fn entries(&self) -> u8 {
        (0..)
            .zip(self.dirty)
            .fold(0, |found, (id, epoch)| found | u8::from(epoch != 0) << id)
    }

    /// Whether a dirty entry older than `epoch` is left.
    pub(crate) fn is_dirty_before(&self, epoch: Epoch) -> bool {
        self.dirty.iter().any(|&entry| entry != 0 && entry < epoch)
    }
}
