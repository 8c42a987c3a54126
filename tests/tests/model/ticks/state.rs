//! Everything that the two sides know, at one moment, and what writes, crashes, restores and handoffs do to it.

use turnout_vocabulary::Backend;

use super::Protocol;
use super::applier::Applier;
use crate::log::Log;
use crate::protocol::other;

/// How many writes are committed at most.
pub(crate) const WRITES: u8 = 2;

/// How often the lease of each direction is taken at most.
pub(crate) const CLAIMS: [u8; 2] = [2, 1];

/// How many handoffs are released at most.
const HANDOFFS: u8 = 1;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// `old` and `new`.
    pub(crate) sides: [Log<Side>; 2],
    /// The two who compete for the lease of each direction, by its source.
    pub(crate) appliers: [[Applier; 1]; 2],
    /// How often the lease of each direction was taken.
    pub(crate) claims: [u8; 2],
    /// The base backup, if one was taken: of which side, and what is in it.
    pub(crate) backup: Option<(Backend, Side)>,
    /// Whether it was restored.
    pub(crate) restored: bool,
    /// Whether a server crashed.
    pub(crate) crashed: bool,
    /// Who is written to.
    pub(crate) authority: Backend,
    /// How far a handoff to the other side is.
    pub(crate) handoff: Handoff,
    /// How many handoffs were released.
    pub(crate) handoffs: u8,
    /// How many writes are committed.
    pub(crate) writes: u8,
    /// The writes that both sides have and that the target was shown to be acknowledged: a bit each. No part of the protocol.
    pub(crate) exchanged: u8,
    /// Those of them that a handoff must not lose, as they were exchanged before it compares the sides. No part of the protocol.
    promised: u8,
    /// The writes that each side committed as the authority: a bit each. No part of the protocol.
    pub(crate) committed: [u8; 2],
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// What one side holds. A base backup holds all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    /// The writes that the row is made of: a bit each.
    pub(crate) row: u8,
    /// The dirty entries: a bit for each write.
    pub(crate) dirty: u8,
    /// As a source: how many batches are acknowledged. So many has the target shown to have applied.
    pub(crate) sent: u8,
    /// As a source: the writes in those batches. No part of the protocol.
    pub(crate) delivered: u8,
    /// As a target: how many batches are applied.
    pub(crate) arrived: u8,
    /// As a target: how many acknowledged batches the source has shown.
    pub(crate) shown: u8,
    /// The token of the outgoing lease.
    pub(crate) outgoing: u8,
    /// The token of the incoming lease.
    pub(crate) incoming: u8,
    /// Whether the other side was found to be rewound.
    pub(crate) other_is_rewound: bool,
}

/// How far a handoff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Handoff {
    /// Nobody is at one.
    None,
    /// The authority accepts no write any more.
    Fenced,
    /// The losing side has no dirty entry left, and no applier has a batch of it in hand.
    Drained,
    /// `old` was looked at.
    LookedAtOld(Side),
    /// `old` was looked at, and `new` then.
    LookedAtBoth(Side, Side),
    /// Their ticks were compared.
    Compared,
}

/// What must never happen in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// Authority moved though a side lacks writes that both had.
    MovedWithLoss,
    /// An apply put a row over one with later writes.
    OlderRow,
    /// A side is marked as rewound though none was restored.
    FalseAlarm,
}

impl State {
    /// Both sides are equal, `old` is the authority, nobody does anything.
    pub(crate) fn first() -> Self {
        Self {
            sides: [Log::new(Side::default()), Log::new(Side::default())],
            appliers: [[Applier::Idle; 1]; 2],
            claims: [0; 2],
            backup: None,
            restored: false,
            crashed: false,
            authority: Backend::Old,
            handoff: Handoff::None,
            handoffs: 0,
            writes: 0,
            exchanged: 0,
            promised: 0,
            committed: [0; 2],
            fault: None,
        }
    }

    pub(crate) fn at(&self, side: Backend) -> Side {
        self.sides[side as usize].seen()
    }

    pub(crate) fn log_mut(&mut self, side: Backend) -> &mut Log<Side> {
        &mut self.sides[side as usize]
    }

    /// Whether a side was found to be rewound.
    pub(crate) fn is_marked(&self) -> bool {
        self.sides.iter().any(|side| side.seen().other_is_rewound)
    }

    /// A write on the authority.
    pub(crate) fn write(&mut self) -> Option<()> {
        if self.writes == WRITES || self.handoff != Handoff::None {
            return None;
        }
        let bit = 1 << self.writes;
        self.writes += 1;
        self.committed[self.authority as usize] |= bit;
        self.log_mut(self.authority).commit_durably(|side| {
            side.row |= bit;
            side.dirty |= bit;
        });
        Some(())
    }

    /// A base backup is taken.
    pub(crate) fn back_up(&mut self, side: Backend) -> Option<()> {
        if self.backup.is_some() || self.restored {
            return None;
        }
        self.backup = Some((side, self.sides[side as usize].on_disk()));
        Some(())
    }

    /// It is restored. A handoff that has a session there begins anew.
    pub(crate) fn restore(&mut self, protocol: Protocol) -> Option<()> {
        let (side, then) = self.backup?;
        if self.restored {
            return None;
        }
        self.restored = true;
        self.backup = None;
        *self.log_mut(side) = Log::new(then);
        self.handoff = Handoff::None;
        self.promised = 0;
        if protocol != Protocol::SeesNoRestart {
            for source in Backend::ALL {
                for applier in &mut self.appliers[source as usize] {
                    applier.see_restart(source == side);
                }
            }
        }
        Some(())
    }

    /// A server loses what is not on disk: acknowledgements.
    pub(crate) fn crash(&mut self, side: Backend) -> Option<()> {
        let log = &mut self.sides[side as usize];
        if self.crashed || self.restored || log.on_disk() == log.seen() {
            return None;
        }
        log.crash();
        self.crashed = true;
        self.handoff = Handoff::None;
        self.promised = 0;
        Some(())
    }

    /// A side was found to be rewound. The other side keeps that, and a handoff is abandoned.
    pub(crate) fn mark(&mut self, rewound: Backend) {
        self.handoff = Handoff::None;
        self.promised = 0;
        self.log_mut(other(rewound))
            .commit_durably(|side| side.other_is_rewound = true);
        if !self.restored {
            self.fault = Some(Fault::FalseAlarm);
        }
    }

    /// The target is told how many batches the source has acknowledged; nothing if it knows.
    pub(crate) fn show(&mut self, source: Backend, protocol: Protocol) -> Option<()> {
        if protocol != Protocol::ShowsWhatMayBeLost {
            self.log_mut(source).flush();
        }
        let Side { sent, delivered, .. } = self.at(source);
        let target = other(source);
        if sent <= self.at(target).shown {
            return None;
        }
        self.exchanged |= delivered;
        if protocol != Protocol::NoTickShown {
            self.log_mut(target).commit_durably(|side| side.shown = sent);
        }
        Some(())
    }

    /// The next step of a handoff to the other side; nothing while it has to wait.
    pub(crate) fn hand_off(&mut self, protocol: Protocol) -> Option<()> {
        let losing = self.authority;
        self.handoff = match self.handoff {
            Handoff::None if self.handoffs < HANDOFFS => Handoff::Fenced,
            Handoff::None => return None,
            Handoff::Fenced if self.at(losing).dirty != 0 => return None,
            Handoff::Fenced => {
                if protocol != Protocol::HandoffLeavesTheLease {
                    let token = self.at(losing).outgoing + 1;
                    if token <= self.at(other(losing)).incoming && protocol != Protocol::HandoffDoesNotCompare {
                        self.mark(losing);
                        return Some(());
                    }
                    self.log_mut(losing).commit_durably(|side| side.outgoing = token);
                    self.log_mut(other(losing)).commit_durably(|side| side.incoming = token);
                }
                self.log_mut(losing).flush();
                self.promised = self.exchanged;
                Handoff::Drained
            }
            Handoff::Drained if protocol == Protocol::HandoffDoesNotCompare => Handoff::Compared,
            Handoff::Drained => Handoff::LookedAtOld(self.at(Backend::Old).ticks()),
            Handoff::LookedAtOld(old) => Handoff::LookedAtBoth(old, self.at(Backend::New).ticks()),
            Handoff::LookedAtBoth(before, new) => {
                let after = match protocol {
                    Protocol::LooksAtEachSideOnce => before,
                    _ => self.at(Backend::Old).ticks(),
                };
                if let Some(side) = rewound(before, new, after, protocol) {
                    self.mark(side);
                    return Some(());
                }
                Handoff::Compared
            }
            Handoff::Compared => {
                self.authority = other(losing);
                self.handoffs += 1;
                if self.sides.iter().any(|side| self.promised & !side.seen().row != 0) {
                    self.fault = Some(Fault::MovedWithLoss);
                }
                self.promised = 0;
                Handoff::None
            }
        };
        Some(())
    }
}

impl Side {
    /// What a comparison looks at.
    fn ticks(self) -> Self {
        Self {
            row: 0,
            dirty: 0,
            delivered: 0,
            ..self
        }
    }
}

/// Which side was rewound, from `old`, then `new`, then `old` once more. The order matters, as batches go on meanwhile: how much has
/// arrived must be read after how much was sent, and how much was sent must be read after how much was shown; so with the tokens.
pub(crate) fn rewound(before: Side, new: Side, after: Side, protocol: Protocol) -> Option<Backend> {
    let is_short = |arrived: u8, sent: u8| protocol != Protocol::NoTickOnTarget && arrived < sent;
    if is_short(new.arrived, before.sent) || new.sent < before.shown || new.outgoing < before.incoming {
        Some(Backend::New)
    } else if is_short(after.arrived, new.sent) || after.sent < new.shown || after.outgoing < new.incoming {
        Some(Backend::Old)
    } else {
        None
    }
}
