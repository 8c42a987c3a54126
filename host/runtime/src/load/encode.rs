use std::borrow::Cow;

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::{LoadError, imports};
use crate::presentable::{REASON_BYTES, presentable};

/// A policy as a component. A core module that a compiler wrote is made a component; a component stays as it is. The bindings
/// generator left a section in a core module that says which world the module exports.
///
/// # Errors
/// [`LoadError`] if the bytes are no WebAssembly, or a core module that imports what no policy gets or carries no world.
pub fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if Parser::is_component(bytes) {
        return Ok(bytes.into());
    }
    if !Parser::is_core_wasm(bytes) {
        return Err(LoadError::NotWasm);
    }
    imports::check_module(bytes)?;
    ComponentEncoder::default()
        .module(bytes)
        .and_then(|encoder| encoder.validate(false).encode())
        .map(Cow::Owned)
        .map_err(|error| LoadError::Malformed {
            reason: presentable(&format!("{error:#}"), REASON_BYTES),
        })
}

/// The size in bytes of the core modules that a component is made of.
///
/// # Errors
/// [`LoadError`] if the component is damaged.
pub fn core_size(component: &[u8]) -> Result<usize, LoadError> {
    let mut size = 0;
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ModuleSection { unchecked_range, .. } = payload.map_err(LoadError::malformed)? {
            size += unchecked_range.len();
        }
    }
    Ok(size)
}
