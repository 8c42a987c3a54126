//! The steps of an applier. It may sleep before any step, and crash after any step.

use turnout_vocabulary::Backend;

use super::Protocol;
use super::state::{CLAIMS, Fault, State, rewound};
use crate::protocol::other;

/// The progress of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// The applier holds no lease.
    Idle,
    /// The applier has raised the token on the source.
    Claimed { token: u8 },
    /// The applier has raised the token on the target too. It compares the sides before it goes on.
    Admitted { token: u8 },
    /// The applier is ready to take.
    Holding { token: u8 },
    /// The applier has taken a batch.
    Taken { token: u8, batch: Batch },
    /// The row is on the target. The batch is to be acknowledged.
    Applied { token: u8, batch: Batch, tick: u8 },
}

/// Dirty entries (a bit each), the row, and the source's counts of batches at the time of the take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    entries: u8,
    row: u8,
    sent: u8,
    delivered: u8,
}

/// One step of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplierStep {
    /// Takes the next step. An applier whose token is refused loses the lease.
    Advance,
    /// Shows the target how many batches are acknowledged.
    Show,
    /// The applier forgets everything.
    Crash,
}

impl Applier {
    /// A server has restarted. An applier gives up what needs its session there, and compares the sides before the next take.
    pub(crate) fn see_restart(&mut self, of_source: bool) {
        match *self {
            Self::Holding { token } => *self = Self::Admitted { token },
            Self::Applied { token, .. } if of_source => *self = Self::Admitted { token },
            Self::Taken { token, .. } if !of_source => *self = Self::Admitted { token },
            _ => (),
        }
    }
}

impl State {
    /// A step of an applier; `None` if the step is impossible now.
    pub(crate) fn applier_step(
        &mut self,
        source: Backend,
        who: usize,
        step: ApplierStep,
        protocol: Protocol,
    ) -> Option<()> {
        let applier = self.appliers[source as usize][who];
        let after = match (step, applier) {
            // No other applier would come after the crash.
            (ApplierStep::Crash, _) if self.claims[source as usize] == CLAIMS[source as usize] => return None,
            (ApplierStep::Crash, Applier::Idle) => return None,
            (ApplierStep::Crash, _) => Applier::Idle,
            (ApplierStep::Show, Applier::Holding { token })
                if token == self.at(source).outgoing && token == self.at(other(source)).incoming =>
            {
                self.show(source, protocol)?;
                applier
            }
            (ApplierStep::Show, _) => return None,
            (ApplierStep::Advance, _) => self.advance(source, applier, protocol)?,
        };
        self.appliers[source as usize][who] = after;
        self.appliers[source as usize].sort_unstable();
        Some(())
    }

    fn advance(&mut self, source: Backend, applier: Applier, protocol: Protocol) -> Option<Applier> {
        let target = other(source);
        let (here, there) = (self.at(source), self.at(target));
        Some(match applier {
            Applier::Idle if self.claims[source as usize] == CLAIMS[source as usize] => return None,
            Applier::Idle => {
                self.claims[source as usize] += 1;
                let token = here.outgoing + 1;
                self.log_mut(source).commit_durably(|side| side.outgoing = token);
                Applier::Claimed { token }
            }
            Applier::Claimed { token } => self.admit(source, token, protocol),
            Applier::Admitted { token } => {
                let (old, new) = (self.at(Backend::Old), self.at(Backend::New));
                if let Some(side) = rewound(old, new, old, protocol) {
                    self.mark(side);
                    Applier::Idle
                } else {
                    Applier::Holding { token }
                }
            }
            Applier::Holding { token } if token != here.outgoing || here.other_is_rewound => Applier::Idle,
            Applier::Holding { .. } if here.dirty == 0 => return None,
            Applier::Holding { token } => {
                if protocol != Protocol::ShowsWhatMayBeLost {
                    self.log_mut(source).flush();
                }
                let batch = Batch {
                    entries: here.dirty,
                    row: here.row,
                    sent: here.sent,
                    delivered: here.delivered,
                };
                Applier::Taken { token, batch }
            }
            Applier::Taken { token, .. } if token != there.incoming || there.other_is_rewound => Applier::Idle,
            Applier::Taken { token, batch } => self.apply(source, token, batch, protocol),
            Applier::Applied { token, .. } if token != here.outgoing => Applier::Idle,
            Applier::Applied { token, batch, tick } => {
                // The entries of this batch are still there, unless the source was rewound.
                let is_gone = batch.sent != here.sent || batch.entries & !here.dirty != 0;
                if is_gone && protocol != Protocol::AcknowledgesWhatIsGone {
                    self.mark(source);
                    return Some(Applier::Idle);
                }
                // The acknowledgement is asynchronous, so a crash may take it back.
                self.log_mut(source).commit(|side| {
                    side.dirty &= !batch.entries;
                    side.sent = tick;
                    side.delivered |= batch.row;
                });
                Applier::Holding { token }
            }
        })
    }

    /// The representative of this state: an applier whose every next step would be refused is refused at once.
    pub(crate) fn canonical(mut self) -> Self {
        for source in Backend::ALL {
            let (here, there) = (self.at(source), self.at(other(source)));
            for applier in &mut self.appliers[source as usize] {
                let may_go_on = match *applier {
                    Applier::Idle | Applier::Claimed { .. } | Applier::Admitted { .. } => true,
                    Applier::Holding { token } => token == here.outgoing && !here.other_is_rewound,
                    Applier::Taken { token, .. } => token == there.incoming && !there.other_is_rewound,
                    Applier::Applied { token, .. } => token == here.outgoing,
                };
                if !may_go_on {
                    *applier = Applier::Idle;
                }
            }
        }
        self
    }

    /// Admits a token. A fresh token is greater than every token that the target has seen, unless a later holder came first or the source
    /// was rewound.
    fn admit(&mut self, source: Backend, token: u8, protocol: Protocol) -> Applier {
        let target = other(source);
        let seen = self.at(target).incoming;
        if token > seen || token == seen && protocol == Protocol::AdmitsAnEqualToken {
            self.log_mut(target).commit_durably(|side| side.incoming = token);
            return Applier::Admitted { token };
        }
        if token == seen || self.at(source).outgoing < seen {
            self.mark(source);
        }
        Applier::Idle
    }

    /// Applies the batch's row on the target, with the batch's tick and the source's count of earlier acknowledgements.
    fn apply(&mut self, source: Backend, token: u8, batch: Batch, protocol: Protocol) -> Applier {
        let target = other(source);
        let there = self.at(target);
        let is_behind = protocol != Protocol::NoTickOnTarget && there.arrived < batch.sent;
        if is_behind || batch.sent < there.shown {
            self.mark(if is_behind { target } else { source });
            return Applier::Idle;
        }
        if there.row & (self.exchanged | self.committed[target as usize]) & !batch.row != 0 {
            self.fault = Some(Fault::OlderRow);
        }
        let tick = match protocol {
            Protocol::RepeatsATick => batch.sent + 1,
            _ => there.arrived.max(batch.sent) + 1,
        };
        let is_shown = protocol != Protocol::NoTickShown;
        self.log_mut(target).commit_durably(|side| {
            side.row = batch.row;
            side.arrived = tick;
            if is_shown {
                side.shown = side.shown.max(batch.sent);
            }
        });
        self.exchanged |= batch.delivered;
        Applier::Applied { token, batch, tick }
    }
}
