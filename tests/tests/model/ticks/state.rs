//! The state of the two sides at one moment, and the effects of writes, crashes, restores and handoffs.

use turnout_vocabulary::Backend;

use super::Protocol;
use super::applier::Applier;
use crate::log::Log;
use crate::protocol::other;

/// The largest number of committed writes.
pub(crate) const WRITES: u8 = 2;

/// The largest number of times that the lease of each direction is taken.
pub(crate) const CLAIMS: [u8; 2] = [2, 1];

/// The largest number of released handoffs.
const HANDOFFS: u8 = 1;

/// The system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The sides `old` and `new`.
    pub(crate) sides: [Log<Side>; 2],
    /// The appliers of each direction, by its source.
    pub(crate) appliers: [[Applier; 1]; 2],
    /// How often the lease of each direction was taken.
    pub(crate) claims: [u8; 2],
    /// The side that was backed up and the content of the base backup, if one was taken.
    pub(crate) backup: Option<(Backend, Side)>,
    /// Whether the base backup was restored.
    pub(crate) restored: bool,
    /// Whether a server crashed.
    pub(crate) crashed: bool,
    /// The side that is written.
    pub(crate) authority: Backend,
    /// The progress of a handoff to the other side.
    pub(crate) handoff: Handoff,
    /// How many handoffs were released.
    pub(crate) handoffs: u8,
    /// How many writes are committed.
    pub(crate) writes: u8,
    /// The writes that both sides have and whose acknowledgement was shown to the target (a bit each). Only the properties use this.
    pub(crate) exchanged: u8,
    /// The exchanged writes that a handoff must not lose, because they were exchanged before it compared the sides (a bit each). Only the
    /// properties use this.
    promised: u8,
    /// The writes that each side committed as the authority (a bit each). Only the properties use this.
    pub(crate) committed: [u8; 2],
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// The content of one side. A base backup holds all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    /// The writes that the row consists of (a bit each).
    pub(crate) row: u8,
    /// The dirty entries, with a bit for each write.
    pub(crate) dirty: u8,
    /// As a source: how many batches are acknowledged. The target had applied these batches.
    pub(crate) sent: u8,
    /// As a source: the writes in the acknowledged batches (a bit each). Only the properties use this.
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

/// The progress of a handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Handoff {
    /// No handoff is under way.
    None,
    /// The authority refuses writes.
    Fenced,
    /// The losing side has no dirty entry left, and no applier has a batch of that side in hand.
    Drained,
    /// The handoff has looked at `old`.
    LookedAtOld(Side),
    /// The handoff has looked at `old`, and then at `new`.
    LookedAtBoth(Side, Side),
    /// The handoff has compared the ticks of both sides.
    Compared,
}

/// What no step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// Authority moved although a side lacks writes that both sides had.
    MovedWithLoss,
    /// An apply put a row over a row with later writes.
    OlderRow,
    /// A side is marked as rewound although none was restored.
    FalseAlarm,
}

impl State {
    /// The first state: both sides are equal, `old` is the authority, and nobody does anything.
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

    /// Takes a base backup of a side.
    pub(crate) fn back_up(&mut self, side: Backend) -> Option<()> {
        if self.backup.is_some() || self.restored {
            return None;
        }
        self.backup = Some((side, self.sides[side as usize].on_disk()));
        Some(())
    }

    /// Restores the base backup. A handoff that has a session on that side begins anew.
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

    /// A server loses the acknowledgements that are not on disk.
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

    /// Marks a side as rewound. The other side keeps the mark, and a handoff under way is abandoned.
    pub(crate) fn mark(&mut self, rewound: Backend) {
        self.handoff = Handoff::None;
        self.promised = 0;
        self.log_mut(other(rewound))
            .commit_durably(|side| side.other_is_rewound = true);
        if !self.restored {
            self.fault = Some(Fault::FalseAlarm);
        }
    }

    /// Shows the target how many batches the source has acknowledged; `None` if the target knows already.
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

    /// The next step of a handoff to the other side; `None` while the handoff has to wait.
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
    /// The part of a side that a comparison looks at.
    fn ticks(self) -> Self {
        Self {
            row: 0,
            dirty: 0,
            delivered: 0,
            ..self
        }
    }
}

/// The side that was rewound, judged by looks at `old`, then at `new`, then at `old` again. Batches go on meanwhile, so the order matters:
/// `arrived` must be read after `sent`, `sent` after `shown`, and the source's token after the target's.
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
