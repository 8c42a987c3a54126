//! The real binary against real PostgreSQL clusters. One program, because each would link everything anew.

mod check;
mod demo;
mod dialect;
mod failover;
mod handoff;
mod hostile;
mod install;
mod javascript;
mod keys;
mod layers;
mod limits;
mod mirror;
mod mirror_status;
mod observe;
mod outage;
mod policy_kit;
mod references;
mod reload;
mod replay;
mod routing;
mod split;
mod staleness;
mod transactions;
mod two_hosts;
mod versions;
mod writes;
