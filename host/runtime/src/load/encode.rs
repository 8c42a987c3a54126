use wit_component::ComponentEncoder;

use super::LoadError;

/// Makes the core module that a compiler wrote a component. What it exports is written in the module itself, in the section
/// that the bindings generator left there.
pub(super) fn component(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(false).encode())
        .map_err(|error| LoadError::Malformed {
            reason: format!("{error:#}"),
        })
}
