//! What wit-bindgen generates from `wit/`: public for the macros of this crate alone. The only unsafe code of a policy is
//! here and in what `export!` writes.

#![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic, reason = "generated code")]

/// The world `routing`, and the words that all worlds share.
pub mod routing {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "routing",
        pub_export_macro: true,
        export_macro_name: "export_to_host",
    });
}

/// The world `dual-write`.
pub mod dual_write {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "dual-write",
        pub_export_macro: true,
        export_macro_name: "export_to_host",
        with: {
            "turnout:policy/log@0.1.0": super::routing::turnout::policy::log,
            "turnout:policy/types@0.1.0": super::routing::turnout::policy::types,
        },
    });
}

/// The world `divergence`.
pub mod divergence {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "divergence",
        pub_export_macro: true,
        export_macro_name: "export_to_host",
        with: {
            "turnout:policy/log@0.1.0": super::routing::turnout::policy::log,
            "turnout:policy/types@0.1.0": super::routing::turnout::policy::types,
        },
    });
}

/// The world `safe-cleanup`.
pub mod safe_cleanup {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "safe-cleanup",
        pub_export_macro: true,
        export_macro_name: "export_to_host",
        with: {
            "turnout:policy/log@0.1.0": super::routing::turnout::policy::log,
            "turnout:policy/types@0.1.0": super::routing::turnout::policy::types,
        },
    });
}
