//! What an applier does: it takes the lease, reads, applies, acknowledges. It may sleep before any step, and crash
//! after any.

use turnout_vocabulary::Backend;

use crate::protocol::{Protocol, other};
use crate::state::{Applier, Fault, State};

/// One step of an applier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplierStep {
    /// Does what comes next; where a token refuses it, the lease is lost.
    Advance,
    /// Forgets everything.
    Crash,
}

impl State {
    /// The state after a step of applier `who` of the mirror from `source`; nothing where it can't be done now.
    pub(crate) fn applier_step(
        mut self,
        source: Backend,
        who: usize,
        step: ApplierStep,
        protocol: Protocol,
    ) -> Option<Self> {
        let applier = self.mirrors[source as usize].appliers[who];
        let after = match step {
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
            Applier::Holding { token } if token == mirror.on_source => self.take(source, token),
            Applier::Read { token, entries, row }
                if token == mirror.on_target || protocol == Protocol::NoTokenOnApply =>
            {
                self.apply(other(source), row);
                Applier::Applied { token, entries }
            }
            Applier::Applied { token, entries }
                if token == mirror.on_source || protocol == Protocol::NoTokenOnAcknowledgement =>
            {
                let all = protocol == Protocol::AcknowledgesTheKey;
                for (id, entry) in self.at_mut(source).dirty.iter_mut().enumerate() {
                    if all || entries & (1 << id) != 0 {
                        *entry = 0;
                    }
                }
                Applier::Holding { token }
            }
            _ => Applier::Idle,
        }
    }

    /// Reads the dirty entries and the row; no row where there is no entry.
    fn take(&self, source: Backend, token: u8) -> Applier {
        let replica = self.at(source);
        let entries = (0..)
            .zip(replica.dirty)
            .fold(0, |found, (id, epoch)| found | u8::from(epoch != 0) << id);
        match entries {
            0 => Applier::Holding { token },
            _ => Applier::Read {
                token,
                entries,
                row: replica.row,
            },
        }
    }

    /// Makes the target's row equal to what was read, and leaves no dirty entry.
    fn apply(&mut self, target: Backend, row: u8) {
        let replica = self.at_mut(target);
        if row < replica.row {
            self.fault = Some(Fault::OlderRow);
        }
        self.at_mut(target).row = row;
    }
}
