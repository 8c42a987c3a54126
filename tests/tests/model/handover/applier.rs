//! The steps of an applier. It may sleep before any step, and crash after any step.

use turnout_vocabulary::Backend;

use super::Protocol;
use super::state::{Fault, Row, State};
use crate::canonical::Holder;
use crate::protocol::other;

/// The progress of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// The applier holds no lease.
    Idle,
    /// The applier has raised the token on the source. The receipt is the one that it found on the target before that.
    Claimed { token: u8, receipt: u8 },
    /// The applier has raised the token on the target too.
    Admitted { token: u8, receipt: u8 },
    /// The applier is ready to take.
    Holding { token: u8 },
    /// The applier has taken entries (a bit each).
    Looked { token: u8, entries: u8 },
    /// The applier has read the row too. It may have taken entries of the next batch already.
    Read {
        token: u8,
        batch: Batch,
        next: Option<Next>,
    },
    /// The row is on the target, put there by this applier or its predecessor. These entries are to be acknowledged.
    Applied {
        token: u8,
        entries: u8,
        receipt: bool,
        next: Option<Next>,
    },
    /// The entries are acknowledged.
    Acknowledged { token: u8 },
}

/// Entries and the row. The row may have been read when there were more entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    entries: u8,
    seen: u8,
    row: Row,
}

/// What the applier has of the next batch while the batch before it is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Next {
    /// The entries.
    Looked(u8),
    /// The entries and their row.
    Read(Batch),
}

impl Applier {
    /// The entries that the applier may take now.
    pub(crate) fn free(self, source: Backend, dirty: u8, protocol: Protocol) -> u8 {
        match self {
            Self::Holding { .. } => dirty,
            Self::Read { batch, next: None, .. }
                if !protocol.hands_over(source, batch.row) || protocol == Protocol::ReadsAheadOfAHandover =>
            {
                dirty & !batch.entries
            }
            Self::Applied {
                entries,
                receipt: false,
                next: None,
                ..
            } => dirty & !entries,
            _ => 0,
        }
    }
}

impl State {
    /// Takes entries.
    pub(crate) fn look(&mut self, source: Backend, who: usize, some: u8) -> Option<()> {
        let mirror = &mut self.mirrors[source as usize];
        match &mut mirror.appliers[who] {
            Applier::Holding { token } if *token == mirror.on_source => {
                mirror.appliers[who] = Applier::Looked {
                    token: *token,
                    entries: some,
                };
                Some(())
            }
            Applier::Read { token, next, .. } | Applier::Applied { token, next, .. } if *token == mirror.on_source => {
                *next = Some(Next::Looked(some));
                Some(())
            }
            _ => None,
        }
    }

    /// Reads the row of the next batch's entries.
    pub(crate) fn read_ahead(&mut self, source: Backend, who: usize) -> Option<()> {
        let mut applier = self.mirrors[source as usize].appliers[who];
        match &mut applier {
            Applier::Read { next: Some(next), .. } | Applier::Applied { next: Some(next), .. } => {
                let Next::Looked(entries) = *next else { return None };
                *next = Next::Read(self.read(source, entries));
            }
            _ => return None,
        }
        self.mirrors[source as usize].appliers[who] = applier;
        Some(())
    }

    fn read(&self, source: Backend, entries: u8) -> Batch {
        let side = self.at(source);
        Batch {
            entries,
            seen: side.dirty,
            row: side.row,
        }
    }

    /// The applier forgets everything.
    pub(crate) fn crash(&mut self, source: Backend, who: usize) -> Option<()> {
        let applier = &mut self.mirrors[source as usize].appliers[who];
        (std::mem::replace(applier, Applier::Idle) != Applier::Idle).then_some(())
    }

    /// Takes the next step. An applier whose token is refused loses the lease.
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
                        next: None,
                    }
                }
            }
            Applier::Looked { token, entries } => Applier::Read {
                token,
                batch: self.read(source, entries),
                next: None,
            },
            Applier::Read { token, batch, next } if token == on_target => {
                let Batch { entries, seen, row } = batch;
                let hands_over = protocol.hands_over(source, row);
                let receipt = hands_over && protocol != Protocol::NoReceipt;
                self.apply(other(source), row, if receipt { seen } else { 0 });
                let all = hands_over && protocol != Protocol::AcknowledgesWhatWasTaken;
                Applier::Applied {
                    token,
                    entries: if all { seen } else { entries },
                    receipt,
                    next,
                }
            }
            // The acknowledgement waits for the read that was begun ahead.
            Applier::Applied {
                next: Some(Next::Looked(_)),
                ..
            } => applier,
            Applier::Applied {
                token,
                entries,
                receipt,
                next,
            } if token == on_source => {
                if receipt
                    && protocol == Protocol::ForgetsBeforeTheAcknowledgement
                    && self.at(other(source)).receipt != 0
                {
                    self.at_mut(other(source)).receipt = 0;
                    return applier;
                }
                self.at_mut(source).dirty &= !entries;
                match next {
                    Some(Next::Read(batch)) => Applier::Read {
                        token,
                        batch,
                        next: None,
                    },
                    _ if receipt => Applier::Acknowledged { token },
                    _ => Applier::Holding { token },
                }
            }
            Applier::Acknowledged { token } if token == on_target => {
                self.at_mut(other(source)).receipt = 0;
                Applier::Holding { token }
            }
            _ => Applier::Idle,
        }
    }

    /// Makes the target's row equal to the row that was read. Leaves no dirty entry.
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

    /// The representative of all states that differ from this one in nothing that matters to later steps. A participant that can only be
    /// refused is refused at once, and the names of tokens and appliers do not matter.
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
