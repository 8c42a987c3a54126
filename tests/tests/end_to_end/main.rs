//! The real binary against real PostgreSQL clusters. One program, because each would link everything anew.

mod check;
mod demo;
mod dialect;
mod hostile;
mod keys;
mod layers;
mod limits;
mod observe;
mod outage;
mod reload;
mod routing;
mod two_hosts;
mod writes;
