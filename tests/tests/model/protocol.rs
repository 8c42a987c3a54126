//! The bounds of the model, and the mistakes that can be made on purpose.

use turnout_vocabulary::Backend;

/// The number of a policy set. The first is 1; 0 means none.
pub(crate) type Epoch = u8;

/// The largest number of committed writes.
pub(crate) const WRITES: u8 = 2;

/// Epochs 1 to 4: the first epoch, then three changes, each of which is a handoff or the abandonment of the epoch before it. With a fifth
/// epoch there are 1,533,840 states instead of 363,328, and no property is violated either.
pub(crate) const LAST_EPOCH: Epoch = 4;

/// The authority under an epoch. Every epoch moves the key, so an abandonment moves it back.
pub(crate) const fn authority(epoch: Epoch) -> Backend {
    if epoch % 2 == 1 { Backend::Old } else { Backend::New }
}

/// The backend that is not `backend`.
pub(crate) const fn other(backend: Backend) -> Backend {
    match backend {
        Backend::Old => Backend::New,
        Backend::New => Backend::Old,
    }
}

/// One step of a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Raises the fence of the side that loses authority. The coordinator waits for no writer yet.
    FenceLosing,
    /// Waits until every write has ended that the losing side let in under an older epoch.
    AwaitLosing,
    /// Raises the fence of the other side. The coordinator waits for no writer yet.
    FenceGaining,
    /// Waits until every write has ended that the other side let in under an older epoch.
    AwaitGaining,
    /// Waits until the losing side has no dirty entry older than the epoch. Entries on the other side hold up nothing: that side is the
    /// authority of their rows from now on.
    DrainLosing,
    /// Releases the epoch: writes may go on under it, unless a newer epoch is recorded.
    Release,
}

impl Phase {
    /// The backend that this step of the handoff to `epoch` concerns.
    pub(crate) const fn side(self, epoch: Epoch) -> Backend {
        match self {
            Self::FenceLosing | Self::AwaitLosing | Self::DrainLosing => authority(epoch - 1),
            Self::FenceGaining | Self::AwaitGaining | Self::Release => authority(epoch),
        }
    }
}

/// The protocol as designed, or with one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The protocol as the host and the backends have it.
    AsDesigned,
    /// A handoff drains first and raises the fences afterwards.
    DrainBeforeFence,
    /// An apply does not check the token on the target.
    NoTokenOnApply,
    /// An acknowledgement does not check the token on the source.
    NoTokenOnAcknowledgement,
    /// An acknowledgement removes every dirty entry of the key, not only those that were read.
    AcknowledgesTheKey,
    /// A handoff does not drain the side that loses authority.
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
    /// Hosts write at once under every epoch that is begun before its predecessor is released. They do so also if the predecessor is an
    /// abandonment, which has writes of its own.
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
