//! The steps of an applier. It may sleep before any step, and crash after any step.

use super::Protocol;
use super::state::{CLAIMS, Fault, State};

/// The progress of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Applier {
    /// The applier holds no lease.
    Idle,
    /// The applier has raised the token on the source.
    Claimed { token: u8 },
    /// The applier has raised the token on the target too.
    Holding { token: u8 },
    /// The applier has read entries (a bit each) and the row. The transaction that read them has not ended.
    Taken { token: u8, entries: u8, row: u8 },
    /// The transaction that read entries and row has ended.
    Answered { token: u8, entries: u8, row: u8 },
    /// The row is on the target. These entries are to be acknowledged.
    Applied { token: u8, entries: u8 },
}

/// One step of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplierStep {
    /// Reads these entries (a bit each) and the row.
    Take(u8),
    /// Takes the next step. An applier whose token is refused loses the lease.
    Advance,
    /// The applier forgets everything.
    Crash,
}

impl Applier {
    /// The source crashed, so a take that it has not answered is lost.
    pub(crate) fn lose_answer(&mut self) {
        if let Self::Taken { token, .. } = *self {
            *self = Self::Holding { token };
        }
    }
}

impl State {
    /// A step of applier `who`; `None` if the step is impossible now.
    pub(crate) fn applier_step(&mut self, who: usize, step: ApplierStep, protocol: Protocol) -> Option<()> {
        let applier = self.appliers[who];
        self.appliers[who] = match (step, applier) {
            (ApplierStep::Crash, Applier::Idle) => return None,
            (ApplierStep::Crash, _) => Applier::Idle,
            (ApplierStep::Take(entries), Applier::Holding { token }) => self.take(token, entries, protocol)?,
            (ApplierStep::Take(_), _) => return None,
            (ApplierStep::Advance, _) => self.advance(applier, protocol)?,
        };
        Some(())
    }

    fn take(&self, token: u8, entries: u8, protocol: Protocol) -> Option<Applier> {
        let source = self.source.seen();
        if token != source.token {
            return None;
        }
        let row = source.row;
        Some(match protocol {
            Protocol::TakesWithoutFlush | Protocol::FlushesBeforeReading => Applier::Answered { token, entries, row },
            _ => Applier::Taken { token, entries, row },
        })
    }

    fn advance(&mut self, applier: Applier, protocol: Protocol) -> Option<Applier> {
        let on_source = self.source.seen().token;
        let on_target = self.target.seen().token;
        Some(match applier {
            Applier::Idle if self.claims == CLAIMS => return None,
            Applier::Idle => {
                self.claims += 1;
                let token = on_source + 1;
                self.source.commit(|source| source.token = token);
                if protocol != Protocol::TokenMayBeLost {
                    self.source.flush();
                }
                Applier::Claimed { token }
            }
            Applier::Claimed { token } => {
                // An applier that finds a greater token is not admitted. One that finds its own was admitted before.
                if token < on_target {
                    return Some(Applier::Idle);
                }
                self.target.commit_durably(|target| target.token = token);
                Applier::Holding { token }
            }
            // The mistake: the log is flushed before the read, so the row that is read afterwards may be lost.
            Applier::Holding { .. } if protocol == Protocol::FlushesBeforeReading => {
                self.source.flush();
                applier
            }
            Applier::Holding { .. } => return None,
            Applier::Taken { token, entries, row } => {
                self.source.flush();
                Applier::Answered { token, entries, row }
            }
            Applier::Answered { token, entries, row } if token == on_target => {
                if row < self.target.seen().row {
                    self.fault = Some(Fault::OlderRow);
                }
                self.target.commit(|target| target.row = row);
                if protocol != Protocol::ApplyMayBeLost {
                    self.target.flush();
                }
                Applier::Applied { token, entries }
            }
            Applier::Applied { token, entries } if token == on_source => {
                self.source.commit(|source| source.dirty &= !entries);
                Applier::Holding { token }
            }
            Applier::Answered { .. } | Applier::Applied { .. } => Applier::Idle,
        })
    }
}
