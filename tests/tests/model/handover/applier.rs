//! What an applier does. It may sleep before any step, and crash after any.

use turnout_vocabulary::Backend;

use super::Protocol;
use super::state::{Fault, Row, State};
use crate::canonical::Holder;
use crate::protocol::other;

/// How far an applier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// It holds no lease.
    Idle,
    /// It has raised the token on the source. The receipt is what the target had before.
    Claimed { token: u8, receipt: u8 },
    /// It has raised the token on the target too.
    Admitted { token: u8, receipt: u8 },
    /// It is ready to take.
    Holding { token: u8 },
    /// It has taken entries (a bit each).
    Looked { token: u8, entries: u8 },
    /// It has the row too, as it was when there were more of them, perhaps.
    Read { token: u8, entries: u8, seen: u8, row: Row },
    /// The row is on the target, or was with the predecessor; these entries are to be acknowledged.
    Applied { token: u8, entries: u8, receipt: bool },
    /// They are.
    Acknowledged { token: u8 },
}

impl State {
    /// Takes entries.
    pub(crate) fn look(&mut self, source: Backend, who: usize, entries: u8) -> Option<()> {
        let mirror = &mut self.mirrors[source as usize];
        match mirror.appliers[who] {
            Applier::Holding { token } if token == mirror.on_source => {
                mirror.appliers[who] = Applier::Looked { token, entries };
                Some(())
            }
            _ => None,
        }
    }

    /// Forgets everything.
    pub(crate) fn crash(&mut self, source: Backend, who: usize) -> Option<()> {
        let applier = &mut self.mirrors[source as usize].appliers[who];
        (std::mem::replace(applier, Applier::Idle) != Applier::Idle).then_some(())
    }

    /// Does what comes next; where a token refuses it, the lease is lost.
    pub(crate) fn advance(&mut self, source: Backend, who: usize, protocol: Protocol) {
        let applier = self.mirrors[source as usize].appliers[who];
        let after = self.after(source, applier, protocol);
        self.mirrors[source as usize].appliers[who] = after;
    }

    fn after(&mut self, source: Backend, applier: Applier, protocol: Protocol) -> Applier {
        let mirror = &mut self.mirrors[source as usize];
        let (on_source, on_target) = (mirror.on_source, mirror.on_target);
        let too_soon = protocol == Protocol::LooksForReceiptsBeforeTheToken;
        match applier {
            Applier::Idle => {
                mirror.on_source += 1;
                Applier::Claimed {
                    token: mirror.on_source,
                    receipt: if too_soon { self.at(other(source)).receipt } else { 0 },
                }
            }
            Applier::Claimed { token, receipt } if token > on_target => {
                mirror.on_target = token;
                Applier::Admitted { token, receipt }
            }
            Applier::Admitted { token, receipt } => {
                let entries = if too_soon {
                    receipt
                } else {
                    self.at(other(source)).receipt
                };
                if entries == 0 {
                    Applier::Holding { token }
                } else {
                    Applier::Applied {
                        token,
                        entries,
                        receipt: true,
                    }
                }
            }
            Applier::Looked { token, entries } => {
                let side = self.at(source);
                Applier::Read {
                    token,
                    entries,
                    seen: side.dirty,
                    row: side.row,
                }
            }
            Applier::Read {
                token,
                entries,
                seen,
                row,
            } if token == on_target => {
                let hands_over = protocol == Protocol::ReceiptsForAll || !row.is_at(source);
                let receipt = hands_over && protocol != Protocol::NoReceipt;
                self.apply(other(source), row, if receipt { seen } else { 0 });
                let all = hands_over && protocol != Protocol::AcknowledgesWhatWasTaken;
                Applier::Applied {
                    token,
                    entries: if all { seen } else { entries },
                    receipt,
                }
            }
            Applier::Applied {
                token,
                entries,
                receipt,
            } if token == on_source => {
                if receipt
                    && protocol == Protocol::ForgetsBeforeTheAcknowledgement
                    && self.at(other(source)).receipt != 0
                {
                    self.at_mut(other(source)).receipt = 0;
                    return applier;
                }
                self.at_mut(source).dirty &= !entries;
                if receipt {
                    Applier::Acknowledged { token }
                } else {
                    Applier::Holding { token }
                }
            }
            Applier::Acknowledged { token } if token == on_target => {
                self.at_mut(other(source)).receipt = 0;
                Applier::Holding { token }
            }
            _ => Applier::Idle,
        }
    }

    /// Makes the target's row equal to what was read, and leaves no dirty entry.
    fn apply(&mut self, target: Backend, row: Row, receipt: u8) {
        let side = self.at_mut(target);
        let is_older = row.number < side.row.number;
        side.row = row;
        if receipt != 0 {
            side.receipt = receipt;
        }
        if is_older {
            self.fault = Some(Fault::OlderRow);
        }
    }

    /// The state that stands for all those that can't be told apart from it by what happens next: whoever can only be refused
    /// is, and the names of tokens and appliers do not matter.
    pub(crate) fn canonical(mut self) -> Self {
        for mirror in &mut self.mirrors {
            for applier in &mut mirror.appliers {
                let may_go_on = match *applier {
                    Applier::Idle => true,
                    Applier::Claimed { token, .. } => token > mirror.on_target,
                    Applier::Looked { token, .. } | Applier::Read { token, .. } | Applier::Acknowledged { token } => {
                        token == mirror.on_target
                    }
                    Applier::Admitted { token, .. } | Applier::Holding { token } | Applier::Applied { token, .. } => {
                        token == mirror.on_source
                    }
                };
                if !may_go_on {
                    *applier = Applier::Idle;
                }
            }
            mirror.rename();
        }
        self
    }
}

impl Holder for Applier {
    fn token(&mut self) -> Option<&mut u8> {
        match self {
            Self::Idle => None,
            Self::Claimed { token, .. }
            | Self::Admitted { token, .. }
            | Self::Holding { token }
            | Self::Looked { token, .. }
            | Self::Read { token, .. }
            | Self::Applied { token, .. }
            | Self::Acknowledged { token } => Some(token),
        }
    }
}
