//! The steps of a host: it learns epochs, writes, and coordinates handoffs. It may sleep before any step, and crash after any step.

use turnout_vocabulary::Backend;

use crate::protocol::{Epoch, LAST_EPOCH, Phase, Protocol, WRITES, authority};
use crate::state::{Fault, Host, State};

/// One step of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostStep {
    /// Learns which epoch is the newest.
    Learn,
    /// The host decides a write under its epoch, which it knows to be released, and the write reaches the authority. The fence lets the
    /// write in, or refuses it and the host reloads. To sleep between decision and arrival is to sleep before this step.
    Enter,
    /// The write that was let in commits.
    Commit,
    /// Records a new epoch: a handoff, or the abandonment of a handoff that is not released yet. The transaction that records the epoch
    /// decides which of both it is. An abandonment is released as it is recorded.
    Begin,
    /// Takes over the handoff to the newest epoch, whether or not another host coordinates it.
    TakeOver,
    /// Takes the next step of the handoff that the host coordinates.
    Coordinate,
    /// Raises the fence of a side to the newest epoch, if that epoch is an abandonment. Any host may do this at any time or never.
    RaiseTo(Backend),
    /// The host forgets what it was doing and starts again.
    Crash,
}

impl HostStep {
    pub(crate) const ALL: [Self; 9] = [
        Self::Learn,
        Self::Enter,
        Self::Commit,
        Self::Begin,
        Self::TakeOver,
        Self::Coordinate,
        Self::RaiseTo(Backend::Old),
        Self::RaiseTo(Backend::New),
        Self::Crash,
    ];
}

impl State {
    /// The state after a step of host `who`; `None` if the step is impossible now.
    pub(crate) fn host_step(mut self, who: usize, step: HostStep, protocol: Protocol) -> Option<Self> {
        let host = self.hosts[who];
        match step {
            HostStep::Learn if host.epoch == self.newest => return None,
            HostStep::Learn => self.hosts[who].epoch = self.newest,
            HostStep::Enter => {
                let may_write = self.is_released(host.epoch) || protocol == Protocol::NoWaitForRelease;
                if !may_write || host.writing != 0 || self.committed == WRITES {
                    return None;
                }
                if self.refuses(host.epoch, protocol) {
                    self.hosts[who].epoch = self.newest;
                } else {
                    self.hosts[who].writing = host.epoch;
                }
            }
            HostStep::Commit => {
                if host.writing == 0 {
                    return None;
                }
                self.hosts[who].writing = 0;
                self.commit(host.writing)?;
            }
            HostStep::Begin => self.begin(who, protocol)?,
            HostStep::TakeOver => {
                if host.duty.0 != 0 || self.is_released(self.newest) {
                    return None;
                }
                self.hosts[who].duty = (self.newest, 0);
            }
            HostStep::Coordinate => {
                let (epoch, done) = host.duty;
                if epoch == 0 {
                    return None;
                }
                let phase = protocol.handoff()[usize::from(done)];
                self.coordinate(epoch, phase, protocol)?;
                self.hosts[who].duty = match phase {
                    Phase::Release => (0, 0),
                    _ => (epoch, done + 1),
                };
            }
            HostStep::RaiseTo(side) => {
                if !self.is_abandonment(self.newest) || self.at(side).fence >= self.newest {
                    return None;
                }
                self.at_mut(side).fence = self.newest;
            }
            HostStep::Crash => {
                let started = Host {
                    epoch: self.newest,
                    writing: 0,
                    duty: (0, 0),
                };
                if host == started {
                    return None;
                }
                self.hosts[who] = started;
            }
        }
        Some(self)
    }

    /// Records the next epoch. Whether it abandons the newest epoch is decided in the same transaction, on the one side that decides
    /// releases too.
    fn begin(&mut self, who: usize, protocol: Protocol) -> Option<()> {
        if self.newest == LAST_EPOCH {
            return None;
        }
        let failed = self.newest;
        let abandons = match protocol {
            // The mistake: the host abandons a handoff that it saw unreleased, and that is released meanwhile.
            Protocol::AbandonedAfterRelease => failed > 1 && self.hosts[who].epoch == failed,
            Protocol::HandoffTakenForAbandonment => {
                !self.is_released(failed) || (failed > 2 && self.is_abandonment(failed))
            }
            _ => !self.is_released(failed),
        };
        self.newest += 1;
        if abandons {
            self.released |= 1 << self.newest;
        } else {
            self.hosts[who].duty = (self.newest, 0);
        }
        Some(())
    }

    /// Whether the authority's fence refuses a write of `epoch`.
    pub(crate) fn refuses(&self, epoch: Epoch, protocol: Protocol) -> bool {
        protocol != Protocol::NoFence && self.at(authority(epoch)).fence > epoch
    }

    /// A write that its authority accepts. The row and its dirty entry are committed in one transaction.
    fn commit(&mut self, epoch: Epoch) -> Option<()> {
        if self.committed == WRITES {
            return None;
        }
        let in_use = self.released | self.written;
        if (epoch + 1..=self.newest).any(|later| in_use & (1 << later) != 0 && authority(later) != authority(epoch)) {
            self.fault = Some(Fault::StaleAuthority);
        }
        self.written |= 1 << epoch;
        let entry = usize::from(self.committed);
        self.committed += 1;
        let value = self.committed;
        let replica = self.at_mut(authority(epoch));
        replica.row = value;
        replica.dirty[entry] = epoch;
        Some(())
    }

    /// One step of the handoff to `epoch`; `None` while the handoff has to wait.
    fn coordinate(&mut self, epoch: Epoch, phase: Phase, protocol: Protocol) -> Option<()> {
        let side = phase.side(epoch);
        match phase {
            Phase::FenceLosing | Phase::FenceGaining => {
                let replica = self.at_mut(side);
                replica.fence = replica.fence.max(epoch);
            }
            Phase::DrainLosing => {
                if self.at(side).is_dirty_before(epoch) {
                    return None;
                }
            }
            Phase::AwaitLosing | Phase::AwaitGaining => {
                if self.is_held_up(side, epoch) {
                    return None;
                }
            }
            Phase::Release => {
                if self.newest > epoch && protocol != Protocol::ReleasedAfterAbandonment {
                    return None;
                }
                self.released |= 1 << epoch;
            }
        }
        Some(())
    }
}
