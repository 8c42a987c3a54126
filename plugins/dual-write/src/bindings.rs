//! What wit-bindgen generates from `wit/`.

#![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({ path: "../../wit", world: "dual-write" });

pub(crate) use turnout::policy::dual_write_types::{AlertKind, MirrorState, Severity};
pub(crate) use turnout::policy::types::{InvalidSetting, RepositoryInfo};

// Only in WebAssembly: elsewhere the exports of two policies would meet in one program.
#[cfg(target_family = "wasm")]
export!(DualWrite with_types_in self);
#[cfg(target_family = "wasm")]
use crate::DualWrite;
