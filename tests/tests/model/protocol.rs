//! The protocol's settings: what is bounded, and what can be broken on purpose.

use turnout_vocabulary::Backend;

/// The number of a policy set. The first is 1; 0 means none.
pub(crate) type Epoch = u8;

/// How many writes are committed at most.
pub(crate) const WRITES: u8 = 2;

/// Epochs 1 to 4: the first, then three changes, each of which is a handoff or the abandonment of the one before it. With a
/// fifth there are 1,533,840 states instead of 363,328, and none is wrong either.
pub(crate) const LAST_EPOCH: Epoch = 4;

/// Who is written to under an epoch: every epoch moves the key, so an abandonment gives it back.
pub(crate) const fn authority(epoch: Epoch) -> Backend {
    if epoch % 2 == 1 { Backend::Old } else { Backend::New }
}

/// The backend that isn't `backend`.
pub(crate) const fn other(backend: Backend) -> Backend {
    match backend {
        Backend::Old => Backend::New,
        Backend::New => Backend::Old,
    }
}

/// One step of a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Raises the fence of the side that loses the authority. This waits for no writer.
    FenceLosing,
    /// Waits until every write that the losing side let in under an older epoch has ended.
    AwaitLosing,
    /// Raises the fence of the other side. This waits for no writer.
    FenceGaining,
    /// Waits until every write that the other side let in under an older epoch has ended.
    AwaitGaining,
    /// Waits until the losing side has no dirty entry older than the epoch. What is left on the other side is in nobody's
    /// way: it is the authority of those rows from now on.
    DrainLosing,
    /// Says that writes may go on under the epoch, unless a newer epoch is recorded.
    Release,
}

impl Phase {
    /// The backend that this step of the handoff to `epoch` asks.
    pub(crate) const fn side(self, epoch: Epoch) -> Backend {
        match self {
            Self::FenceLosing | Self::AwaitLosing | Self::DrainLosing => authority(epoch - 1),
            Self::FenceGaining | Self::AwaitGaining | Self::Release => authority(epoch),
        }
    }
}

/// The protocol as designed, or with one mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// As the host and the backends have it.
    AsDesigned,
    /// A handoff drains first and raises the fences afterwards.
    DrainBeforeFence,
    /// An apply does not check the token on the target.
    NoTokenOnApply,
    /// An acknowledgement does not check the token on the source.
    NoTokenOnAcknowledgement,
    /// An acknowledgement removes every dirty entry of the key, not only those that were read.
    AcknowledgesTheKey,
    /// A handoff does not drain the side that loses the authority.
    LosingSideNotDrained,
    /// Backends accept writes of every epoch.
    NoFence,
    /// Hosts write under an epoch before it is released.
    NoWaitForRelease,
    /// A handoff does not wait for the writes that were let in before it raised the fences.
    HoldersNotAwaited,
    /// An epoch can be released although a newer one is recorded.
    ReleasedAfterAbandonment,
    /// A handoff can be abandoned although its epoch is released.
    AbandonedAfterRelease,
    /// Hosts write at once under every epoch that is begun before the one before it is released, also where that one
    /// is an abandonment and so has writes of its own.
    HandoffTakenForAbandonment,
}

impl Protocol {
    /// The steps of a handoff, in order.
    pub(crate) const fn handoff(self) -> &'static [Phase] {
        use Phase::{AwaitGaining, AwaitLosing, DrainLosing, FenceGaining, FenceLosing, Release};
        match self {
            Self::DrainBeforeFence => &[
                DrainLosing,
                FenceLosing,
                AwaitLosing,
                FenceGaining,
                AwaitGaining,
                Release,
            ],
            Self::LosingSideNotDrained => &[FenceLosing, AwaitLosing, FenceGaining, AwaitGaining, Release],
            Self::HoldersNotAwaited => &[FenceLosing, FenceGaining, DrainLosing, Release],
            _ => &[
                FenceLosing,
                AwaitLosing,
                FenceGaining,
                AwaitGaining,
                DrainLosing,
                Release,
            ],
        }
    }
}
