//! What wasmtime generates from `wit/`. Nothing outside this crate sees it.

/// What every world exports and imports.
pub(crate) mod policy {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "policy",
    });
}

/// What the routing world exports beside it, and the words that all worlds share.
pub(crate) mod routing {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "routing",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "turnout:policy/log": super::policy::turnout::policy::log,
        },
    });
}

/// What the dual-write world exports beside it.
pub(crate) mod dual_write {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "dual-write",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "turnout:policy/log": super::policy::turnout::policy::log,
            "turnout:policy/types": super::routing::turnout::policy::types,
        },
    });
}

/// What the divergence world exports beside it.
pub(crate) mod divergence {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "divergence",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "turnout:policy/log": super::policy::turnout::policy::log,
            "turnout:policy/types": super::routing::turnout::policy::types,
        },
    });
}

/// What the safe-cleanup world exports beside it.
pub(crate) mod safe_cleanup {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "safe-cleanup",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "turnout:policy/log": super::policy::turnout::policy::log,
            "turnout:policy/types": super::routing::turnout::policy::types,
        },
    });
}
