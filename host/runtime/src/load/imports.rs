use wasmparser::{Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::LoadError;

/// The one package that a policy may import from.
const PACKAGE: &str = "turnout:policy/";

/// What the names of a module begin with that was built by the component model's own naming.
const STANDARD_NAMES: &str = "cm32p2|";

/// Checks a core module before it is made a component, because later its imports have lost their names.
pub(super) fn check_module(bytes: &[u8]) -> Result<(), LoadError> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ImportSection(imports) = payload.map_err(LoadError::malformed)? {
            for import in imports.into_imports() {
                let import = import.map_err(LoadError::malformed)?;
                if !import.module.trim_start_matches(STANDARD_NAMES).starts_with(PACKAGE) {
                    return Err(LoadError::ForbiddenImport {
                        import: format!("{}::{}", import.module, import.name),
                    });
                }
            }
        }
    }
    Ok(())
}

/// Checks what a component imports.
pub(super) fn check_component(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    match component
        .component_type()
        .imports(engine)
        .find(|(name, _)| !name.starts_with(PACKAGE))
    {
        Some((name, _)) => Err(LoadError::ForbiddenImport {
            import: name.to_owned(),
        }),
        None => Ok(()),
    }
}
