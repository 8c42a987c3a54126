//! The change from one epoch to the next, during which only operations wait whose authority changes.
//!
//! Everything here is monotone: epochs only grow, a fence is only raised, a release stays true. So a host that dies or
//! sleeps at any step leaves nothing that another could not finish, and locks are for efficiency only.
//!
//! Each part is a type whose fields are all that it may touch. A part knows only those above it in this list; [`Handoffs`] puts them
//! together.
//!
//! - `obstacle` has the reasons why a change comes to nothing, `metrics` counts what happens, `held_up` names what a handoff
//!   waits for.
//! - `judge` tells the mirror what is to become of dirty keys.
//! - `installed` asks whether Turnout is installed on a side.
//! - `facts` reads what promotion is judged by.
//! - `site` describes the site: what must be the same on every host.
//! - `record` reads the record of epochs and adds to it.
//! - `fences` raises fences and waits for earlier writes.
//! - `seen` keeps how far the mirror was behind when it was last looked at.
//! - `compare` compares both sides, and knows where changes may not all have been captured.
//! - `numbers` sets sequences apart while both sides hand out numbers.
//! - `gate` says whether a set may come into force, and asks it about every subject first.
//! - `learn` puts in force what the record says is.
//! - `drain` waits until nothing of past epochs is left that would change hands.
//! - `sides` takes in sides that were away or restored from the past, and moves authority away from a dead one.
//! - `change` brings a set into force, by a handoff where authority may move.
//! - `freeze` has the application's writes refused, and let in again.
//! - `apply` makes another description of the site the one on record.
//! - `observe` keeps in view how far the mirror is behind; `mirror_alerts` says what people hear of it.
//! - `outages` tells of backends that are down.
//! - `follow` follows other hosts, and finishes what they left.
//! - `ship` brings versions into force that somebody pushed, activated or took back.
//! - `watch` brings into force what changes in the policy directory.

mod apply;
mod change;
mod compare;
mod drain;
mod facts;
mod fences;
mod follow;
mod freeze;
mod gate;
mod handoffs;
mod held_up;
mod installed;
mod judge;
mod learn;
mod metrics;
mod mirror_alerts;
mod numbers;
mod observe;
mod obstacle;
mod outages;
mod record;
mod seen;
mod ship;
mod sides;
mod site;
mod watch;

pub use apply::{Capture, Description, NotApplied};
pub use change::timings::Timings;
pub use compare::comparer::Comparison;
pub use facts::facts;
pub use freeze::{Freezing, NotFrozen};
pub use gate::promotion::PromotionRules;
pub use handoffs::{Handoffs, NotBegun, Parts};
pub use judge::PolicyJudge;
pub use metrics::MirrorMetrics;
pub use record::recorded::{recorded_set, recorded_site};
pub use seen::{ParkedFor, Seen};
pub use ship::cutover::Moved;
pub use ship::error::NotShipped;
pub use ship::foresee::Foresight;
pub use ship::history::{
    History, Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, VersionDiff,
};
pub use ship::stages::{NotStaged, StageChange, Whom};
pub use ship::{Asker, Shipping};
pub use sides::failover::{AtStake, Failover, ForcedFailover, NoFailover};
pub use sides::reinstate::{NotRejoined, Reinstatement, Rejoined};
pub use site::SiteDescription;
