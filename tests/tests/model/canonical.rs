//! The reductions that make the state space small. None of them leaves a step out.
//!
//! - A step that can only be refused from now on (fences and tokens only grow) is refused at once. A refusal changes nothing but the
//!   refused participant, so it makes no difference to anyone how long that participant sleeps before it.
//! - A fence that is raised already is not raised again, and a fence that no write holds up needs no waiting. A handoff passes such steps
//!   at once.
//! - A value that no participant will look at again is forgotten.
//! - States that differ in names only are one state: in the names of the two hosts, of the two appliers of a direction, and of tokens, of
//!   which only the order matters. So leases may be taken over without end.

use crate::protocol::{Epoch, Phase, Protocol, WRITES};
use crate::state::{Applier, Mirror, State};

impl State {
    /// The representative of all states that differ from this one in nothing that matters to later steps.
    pub(crate) fn canonical(mut self, protocol: Protocol) -> Self {
        let no_write_is_left = self.committed == WRITES;
        if no_write_is_left {
            self.written = 0;
        }
        for who in 0..self.hosts.len() {
            let host = self.hosts[who];
            if no_write_is_left {
                self.hosts[who].writing = 0;
            }
            if no_write_is_left || self.refuses(host.epoch, protocol) {
                self.hosts[who].epoch = self.newest;
            }
            if self.is_over(host.duty.0, protocol) {
                self.hosts[who].duty = (0, 0);
            }
            while self.is_done_already(self.hosts[who].duty, protocol) {
                self.hosts[who].duty.1 += 1;
            }
        }
        self.hosts.sort_unstable();
        for mirror in &mut self.mirrors {
            mirror.dispossess(protocol);
            mirror.forget_target();
            mirror.rename();
        }
        self
    }

    /// Whether the rest of the handoff to `epoch` makes no difference: the epoch is released, or it can no longer be released and has no
    /// fence left to raise.
    fn is_over(&self, epoch: Epoch, protocol: Protocol) -> bool {
        self.is_released(epoch)
            || protocol != Protocol::ReleasedAfterAbandonment
                && self.newest > epoch
                && self.backends.iter().all(|replica| replica.fence >= epoch)
    }

    fn is_done_already(&self, (epoch, done): (Epoch, u8), protocol: Protocol) -> bool {
        let phase = protocol.handoff()[usize::from(done)];
        epoch != 0
            && match phase {
                Phase::FenceLosing | Phase::FenceGaining => self.at(phase.side(epoch)).fence >= epoch,
                Phase::AwaitLosing | Phase::AwaitGaining => !self.is_held_up(phase.side(epoch), epoch),
                Phase::DrainLosing | Phase::Release => false,
            }
    }
}

/// A participant that may hold a lease.
pub(crate) trait Holder: Ord {
    /// The participant's token, if it has one.
    fn token(&mut self) -> Option<&mut u8>;
}

impl<A: Holder> Mirror<A> {
    /// Numbers the tokens anew, because only their order matters, and sorts the two appliers, which are alike.
    pub(crate) fn rename(&mut self) {
        let mut used = [self.on_source, self.on_target, 0, 0];
        for (place, applier) in used[2..].iter_mut().zip(&mut self.appliers) {
            *place = applier.token().map_or(0, |token| *token);
        }
        let rank = |token: u8| (0..token).map(|smaller| u8::from(used.contains(&smaller))).sum();
        self.on_source = rank(self.on_source);
        self.on_target = rank(self.on_target);
        for applier in &mut self.appliers {
            if let Some(token) = applier.token() {
                *token = rank(*token);
            }
        }
        self.appliers.sort_unstable();
    }
}

impl Mirror<Applier> {
    /// Takes the lease from appliers whose next step can only be refused.
    fn dispossess(&mut self, protocol: Protocol) {
        let Self {
            on_source, on_target, ..
        } = *self;
        for applier in &mut self.appliers {
            let may_go_on = match *applier {
                Applier::Idle => true,
                Applier::Claimed { token } => token == on_source || token > on_target,
                Applier::Holding { token } => token == on_source,
                Applier::Read { token, .. } => token == on_target || protocol == Protocol::NoTokenOnApply,
                Applier::Applied { token, .. } => token == on_source || protocol == Protocol::NoTokenOnAcknowledgement,
            };
            if !may_go_on {
                *applier = Applier::Idle;
            }
        }
    }

    /// Only an apply looks at the target's token. So the token is forgotten while no apply is due.
    fn forget_target(&mut self) {
        if !self
            .appliers
            .iter()
            .any(|applier| matches!(applier, Applier::Read { .. } | Applier::Applied { next: Some(_), .. }))
        {
            self.on_target = self.on_source;
        }
    }
}

impl Holder for Applier {
    fn token(&mut self) -> Option<&mut u8> {
        match self {
            Self::Idle => None,
            Self::Claimed { token }
            | Self::Holding { token }
            | Self::Read { token, .. }
            | Self::Applied { token, .. } => Some(token),
        }
    }
}
