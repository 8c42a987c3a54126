//! Asks `stateright` whether a protocol holds, and whether a protocol with a mistake breaks.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// The checker explores every state, and no property is violated.
pub(crate) fn assert_holds<M>(protocol: M)
where
    M: Model<State: Clone + Debug + PartialEq + Hash + Send + Sync, Action: Clone + Debug + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    eprintln!(
        "{} states, at most {} steps deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

/// The checker finds a violation of `property`. The shortest path that it found is printed.
pub(crate) fn assert_breaks<M>(protocol: M, property: &'static str)
where
    M: Model<State: Clone + Debug + PartialEq + Hash + Send + Sync, Action: Clone + Debug + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let found = HasDiscoveries::AllOf([property].into());
    let checker = protocol.checker().finish_when(found).spawn_bfs().join();
    eprintln!(
        "{} states until one where it is not true that {property}:",
        checker.unique_state_count()
    );
    for (state, step) in checker.assert_any_discovery(property).into_vec() {
        eprintln!(
            "  {}",
            step.map_or_else(|| format!("{state:?}"), |step| format!("{step:?}"))
        );
    }
}
