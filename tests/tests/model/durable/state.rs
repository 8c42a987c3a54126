//! Everything that the two servers know, at one moment, and what writes, crashes and the handoff do to it.

use super::applier::Applier;
use super::{Protocol, Server};
use crate::log::Log;

/// How many writes are committed at most.
pub(crate) const WRITES: u8 = 3;

/// How often servers crash at most.
const CRASHES: u8 = 2;

/// How often the lease is taken at most.
pub(crate) const CLAIMS: u8 = 3;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The authority, until the handoff.
    pub(crate) source: Log<Source>,
    /// The other side.
    pub(crate) target: Log<Target>,
    /// The two who compete for the lease.
    pub(crate) appliers: [Applier; 2],
    /// How far the handoff is.
    pub(crate) handoff: Handoff,
    /// How many writes were committed, lost ones included; also the number of the last of them.
    pub(crate) writes: u8,
    /// How often a server crashed.
    pub(crate) crashes: u8,
    /// How often the lease was taken.
    pub(crate) claims: u8,
    /// Whether a write was lost.
    pub(crate) lost: bool,
    /// Whether the target was written to as the authority.
    pub(crate) has_moved_on: bool,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// What the source holds of the key, and the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// The number of the write that made the row.
    pub(crate) row: u8,
    /// The dirty entries: a bit for each write.
    pub(crate) dirty: u8,
    /// The lease's token.
    pub(crate) token: u8,
}

/// What the target holds of the key, and the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The number of the write that made the row.
    pub(crate) row: u8,
    /// The lease's token.
    pub(crate) token: u8,
}

/// How far the handoff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Handoff {
    /// Not begun.
    Before,
    /// The source accepts no write any more.
    Fenced,
    /// It was seen that the source has no dirty entry.
    Looked,
    /// The target is the authority.
    Released,
}

/// What must never happen in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// An apply put an older row over a newer one.
    OlderRow,
}

impl State {
    /// Both sides are equal, and nobody does anything.
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
            // What becomes of this write is the business of the mirror back.
            Handoff::Released => {
                self.target.commit_durably(|target| target.row = number);
                self.has_moved_on = true;
            }
            Handoff::Fenced | Handoff::Looked => return None,
        }
        self.writes = number;
        Some(())
    }

    /// A server loses what is not on disk, and everybody their sessions with it.
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

    /// The next step of the handoff; nothing while it has to wait.
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
