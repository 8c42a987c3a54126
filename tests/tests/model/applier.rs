//! The steps of an applier: it takes the lease, reads, applies, acknowledges. It may sleep before any step, and crash after any step.

use turnout_vocabulary::Backend;

use crate::protocol::{Protocol, other};
use crate::state::{Applier, Batch, Fault, State};

/// One step of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplierStep {
    /// Takes these entries (a bit each) and the row. This may come before the acknowledgement of the last batch.
    Take(u8),
    /// Takes the next step. An applier whose token is refused loses the lease.
    Advance,
    /// The applier forgets everything.
    Crash,
}

impl State {
    /// The state after a step of applier `who` of the mirror from `source`; `None` if the step is impossible now.
    pub(crate) fn applier_step(
        mut self,
        source: Backend,
        who: usize,
        step: ApplierStep,
        protocol: Protocol,
    ) -> Option<Self> {
        let applier = self.mirrors[source as usize].appliers[who];
        let after = match step {
            ApplierStep::Take(entries) => self.take(source, applier, entries)?,
            ApplierStep::Advance => self.advance(source, applier, protocol),
            ApplierStep::Crash if applier == Applier::Idle => return None,
            ApplierStep::Crash => Applier::Idle,
        };
        self.mirrors[source as usize].appliers[who] = after;
        Some(self)
    }

    fn advance(&mut self, source: Backend, applier: Applier, protocol: Protocol) -> Applier {
        let mirror = &mut self.mirrors[source as usize];
        match applier {
            Applier::Idle => {
                mirror.on_source += 1;
                Applier::Claimed {
                    token: mirror.on_source,
                }
            }
            Applier::Claimed { token } => {
                mirror.on_target = mirror.on_target.max(token);
                Applier::Holding { token }
            }
            Applier::Holding { token } if token == mirror.on_source => applier,
            Applier::Read { token, batch, next }
                if token == mirror.on_target || protocol == Protocol::NoTokenOnApply =>
            {
                self.apply(other(source), batch.row);
                let entries = batch.entries;
                Applier::Applied { token, entries, next }
            }
            Applier::Applied { token, entries, next }
                if token == mirror.on_source || protocol == Protocol::NoTokenOnAcknowledgement =>
            {
                let all = protocol == Protocol::AcknowledgesTheKey;
                for (id, entry) in self.at_mut(source).dirty.iter_mut().enumerate() {
                    if all || entries & (1 << id) != 0 {
                        *entry = 0;
                    }
                }
                next.map_or(Applier::Holding { token }, |batch| Applier::Read {
                    token,
                    batch,
                    next: None,
                })
            }
            _ => Applier::Idle,
        }
    }

    /// Reads dirty entries and the row, if there are such entries that the applier does not have yet.
    fn take(&self, source: Backend, applier: Applier, entries: u8) -> Option<Applier> {
        let replica = self.at(source);
        let batch = Batch {
            entries,
            row: replica.row,
        };
        let (holder, in_hand, after) = match applier {
            Applier::Holding { token } => (
                token,
                0,
                Applier::Read {
                    token,
                    batch,
                    next: None,
                },
            ),
            Applier::Read {
                token,
                batch: first,
                next: None,
            } => (
                token,
                first.entries,
                Applier::Read {
                    token,
                    batch: first,
                    next: Some(batch),
                },
            ),
            Applier::Applied {
                token,
                entries: first,
                next: None,
            } => (
                token,
                first,
                Applier::Applied {
                    token,
                    entries: first,
                    next: Some(batch),
                },
            ),
            _ => return None,
        };
        let are_free = entries & (in_hand | !replica.entries()) == 0;
        (holder == self.mirrors[source as usize].on_source && are_free).then_some(after)
    }

    /// Makes the target's row equal to the row that was read. Leaves no dirty entry.
    fn apply(&mut self, target: Backend, row: u8) {
        let replica = self.at_mut(target);
        if row < replica.row {
            self.fault = Some(Fault::OlderRow);
        }
        self.at_mut(target).row = row;
    }
}
