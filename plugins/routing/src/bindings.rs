//! What wit-bindgen generates from `wit/`.

#![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({ path: "../../wit", world: "routing" });

pub(crate) use turnout::policy::types::{InvalidSetting, RepositoryInfo};

// Only in WebAssembly: elsewhere an exported `read` would take the place of the system's.
#[cfg(target_family = "wasm")]
export!(Routing with_types_in self);
#[cfg(target_family = "wasm")]
use crate::Routing;
