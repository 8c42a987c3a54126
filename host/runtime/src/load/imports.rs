use wasmparser::{ComponentTypeRef, Parser, Payload};

use super::LoadError;
use crate::wasi::is_wasi;

/// The one package that a policy may import from.
const PACKAGE: &str = "turnout:policy/";

/// What the names of imports begin with in a module that was built by the component model's own naming.
const STANDARD_NAMES: &str = "cm32p2|";

/// The module that WASI preview 1 is imported from.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// Checks the imports of a core module. As a component it would have lost their names.
pub(super) fn check_module(bytes: &[u8]) -> Result<(), LoadError> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ImportSection(imports) = payload.map_err(LoadError::malformed)? {
            for import in imports.into_imports() {
                let import = import.map_err(LoadError::malformed)?;
                let package = import.module.trim_start_matches(STANDARD_NAMES);
                // `check_component` asks whether WASI is allowed.
                if !package.starts_with(PACKAGE) && !is_wasi(package) {
                    return Err(LoadError::forbidden(&format!("{}::{}", import.module, import.name)));
                }
            }
        }
    }
    Ok(())
}

/// Checks what a component imports, before time is spent on compiling it.
pub(super) fn check_component(bytes: &[u8], wasi: bool) -> Result<(), LoadError> {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(LoadError::malformed)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            // A nested component gets its imports from this one.
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let import = import.map_err(LoadError::malformed)?;
                    let name = import.name.name;
                    let is_type = matches!(import.ty, ComponentTypeRef::Type(_));
                    if !(is_type || name.starts_with(PACKAGE) || wasi && is_wasi(name)) {
                        return Err(LoadError::forbidden(name));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What to do about an import that is refused.
pub(super) fn advice(import: &str) -> &'static str {
    if is_wasi(import) {
        "build it without WASI, or allow it by `policies.wasi = true` in turnout.toml: it then gets an empty world, with no \
         files, sockets or environment, a clock that stands still and the same random numbers in every call"
    } else if import.starts_with(PREVIEW_1) {
        "it was built for WASI preview 1 (wasm32-wasip1), which no host allows; build it for wasm32-unknown-unknown, as \
         `turnout policy build` does"
    } else {
        "build it for wasm32-unknown-unknown, and without what needs that import"
    }
}
