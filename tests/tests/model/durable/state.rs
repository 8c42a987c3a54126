//! The state of the two servers at one moment, and the effects of writes, crashes and the handoff.

use super::applier::Applier;
use super::{Protocol, Server};
use crate::log::Log;

/// The largest number of committed writes.
pub(crate) const WRITES: u8 = 3;

/// The largest number of crashes of servers.
const CRASHES: u8 = 2;

/// The largest number of times that the lease is taken.
pub(crate) const CLAIMS: u8 = 3;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The server that is the authority until the handoff.
    pub(crate) source: Log<Source>,
    /// The other server.
    pub(crate) target: Log<Target>,
    /// The two appliers that compete for the lease.
    pub(crate) appliers: [Applier; 2],
    /// The progress of the handoff.
    pub(crate) handoff: Handoff,
    /// How many writes were committed, lost ones included. The last write has this number.
    pub(crate) writes: u8,
    /// How often a server crashed.
    pub(crate) crashes: u8,
    /// How often the lease was taken.
    pub(crate) claims: u8,
    /// Whether a write was lost.
    pub(crate) lost: bool,
    /// Whether the target was written as the authority.
    pub(crate) has_moved_on: bool,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// The source's data about the key and the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// The number of the write that made the row.
    pub(crate) row: u8,
    /// The dirty entries, with a bit for each write.
    pub(crate) dirty: u8,
    /// The lease's token.
    pub(crate) token: u8,
}

/// The target's data about the key and the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The number of the write that made the row.
    pub(crate) row: u8,
    /// The lease's token.
    pub(crate) token: u8,
}

/// The progress of the handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Handoff {
    /// The handoff has not begun.
    Before,
    /// The source refuses writes.
    Fenced,
    /// The handoff found no dirty entry on the source.
    Looked,
    /// The target is the authority.
    Released,
}

/// What no step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// The first state: both sides are equal, and nobody does anything.
    pub(crate) fn first() -> Self {
        let source = Source {
            row: 0,
            dirty: 0,
            token: 0,
        };
        Self {
            source: Log::new(source),
            target: Log::new(Target { row: 0, token: 0 }),
            appliers: [Applier::Idle; 2],
            handoff: Handoff::Before,
            writes: 0,
            crashes: 0,
            claims: 0,
            lost: false,
            has_moved_on: false,
            fault: None,
        }
    }

    /// A write on the authority.
    pub(crate) fn write(&mut self) -> Option<()> {
        if self.writes == WRITES {
            return None;
        }
        let entry = 1 << self.writes;
        let number = self.writes + 1;
        match self.handoff {
            Handoff::Before => self.source.commit(|source| {
                source.row = number;
                source.dirty |= entry;
            }),
            // The mirror back, which is not modelled, is responsible for this write.
            Handoff::Released => {
                self.target.commit_durably(|target| target.row = number);
                self.has_moved_on = true;
            }
            Handoff::Fenced | Handoff::Looked => return None,
        }
        self.writes = number;
        Some(())
    }

    /// A server loses what is not on disk, and all participants lose their sessions with it.
    pub(crate) fn crash(&mut self, server: Server, protocol: Protocol) -> Option<()> {
        if self.crashes == CRASHES {
            return None;
        }
        self.crashes += 1;
        match server {
            Server::Source => {
                let row = self.source.seen().row;
                self.source.crash();
                self.lost |= self.source.seen().row < row;
                for applier in &mut self.appliers {
                    applier.lose_answer();
                }
                if self.handoff == Handoff::Looked && protocol != Protocol::LooksAndFlushesApart {
                    self.handoff = Handoff::Fenced;
                }
            }
            Server::Target => self.target.crash(),
        }
        Some(())
    }

    /// The next step of the handoff; `None` while the handoff has to wait.
    pub(crate) fn hand_off(&mut self, protocol: Protocol) -> Option<()> {
        self.handoff = match self.handoff {
            Handoff::Before => {
                self.source.flush();
                Handoff::Fenced
            }
            Handoff::Fenced if self.source.seen().dirty == 0 => Handoff::Looked,
            Handoff::Looked => {
                if protocol != Protocol::ReleasesWithoutFlush {
                    self.source.flush();
                }
                Handoff::Released
            }
            Handoff::Fenced | Handoff::Released => return None,
        };
        Some(())
    }
}
