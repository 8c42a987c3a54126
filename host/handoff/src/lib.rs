//! The change from one epoch to the next, during which only operations wait whose authority changes.
//!
//! Everything here is monotone: epochs only grow, a fence is only raised, a release stays true. So a host that dies or
//! sleeps at any step leaves nothing that another could not finish, and locks are for efficiency only.
//!
//! - `advice` changes worlds that only advise, without a handoff.
//! - `breaker` takes back policies that keep failing.
//! - `change` takes a new set through the handoff, or abandons it.
//! - `direct` tells of rows that were written directly while they changed hands.
//! - `drained` waits until nothing of past epochs is left that would change hands.
//! - `gaps` knows of which repositories changes may not all have been captured.
//! - `exam` asks a set about every subject before it comes into force.
//! - `gate` says whether a set may come into force at all.
//! - `held_up` names what a handoff waits for.
//! - `follow` learns of epochs that other hosts made, and finishes what they left.
//! - `failover` moves authority away from a dead side, `rejoin` takes a side in again that was away, `restored` one that was restored from
//!   the past.
//! - `converge` compares both sides when mirroring begins.
//! - `numbers` sets sequences apart while both sides hand out numbers.
//! - `observe` keeps in view how far the mirror is behind; `mirror_alerts` says what people hear of it.
//! - `outages` tells of backends that are down.
//! - `ship` brings versions into force that somebody pushed, activated or took back.
//! - `judge` tells the mirror what is to become of dirty keys.
//! - `apply` makes another description of the site the one on record.
//! - `site` compares this host's configuration with the description of the site on record.
//! - `directory` tells a policy directory that is old from one that holds a change.

mod advice;
mod apply;
mod breaker;
mod change;
mod converge;
mod direct;
mod directory;
mod drained;
mod exam;
mod failover;
mod follow;
mod foresee;
mod gaps;
mod gate;
mod handoffs;
mod held_up;
mod judge;
mod metrics;
mod mirror_alerts;
mod numbers;
mod observe;
mod outages;
mod record;
mod rejoin;
mod restored;
mod ship;
mod site;
mod verdict;
mod watch;

pub use apply::{Capture, NotApplied, recorded_site};
pub use converge::Comparison;
pub use directory::recorded_set;
pub use failover::{AtStake, Failover, NoFailover};
use handoffs::Obstacle;
pub use handoffs::{Handoffs, NotBegun, Parts};
pub use judge::PolicyJudge;
pub use metrics::MirrorMetrics;
pub use observe::{ParkedFor, Seen};
pub use restored::{NotRejoined, Rejoined};
pub use ship::{NotShipped, Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, VersionDiff};
pub use site::SiteDescription;
pub use watch::watch;
