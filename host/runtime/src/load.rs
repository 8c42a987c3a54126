//! From the bytes of a file to compiled code, refusing whatever is no policy.

mod encode;
mod imports;

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

pub use encode::{component, core_size};

use crate::bindings::policy::PolicyIndices;
use crate::policy::{Module, State};
use crate::runtime::Shared;
use crate::wasi;
use crate::worlds::World;

/// Why bytes are no policy of a world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is too large.
    #[error("the module has {size} bytes, and {bound} are allowed; build it for size, or raise the bound")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest size that is loaded.
        bound: usize,
    },
    /// The file is something else.
    #[error("this is not WebAssembly; give the binary .wasm file that the compiler writes")]
    NotWasm,
    /// It wants something that policies do not get.
    #[error(
        "the module imports `{import}`, and a policy gets nothing but `turnout:policy`; {}",
        imports::advice(import)
    )]
    ForbiddenImport {
        /// What it wants.
        import: String,
    },
    /// It is WebAssembly, but cannot be made a component or compiled.
    #[error("the module cannot be compiled: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// It is a component, but not one of this world.
    #[error("the module is no policy of the world `{world}`: {reason}")]
    WrongWorld {
        /// The world that was expected.
        world: &'static str,
        /// What is missing or has another type.
        reason: String,
    },
}

impl LoadError {
    fn malformed(error: impl Into<wasmtime::Error>) -> Self {
        Self::Malformed {
            reason: format!("{:#}", error.into()),
        }
    }
}

/// Compiles a core module or a component, which may import WASI or not.
pub(crate) fn compiled(engine: &Engine, bytes: &[u8], bound: usize, wasi: bool) -> Result<Component, LoadError> {
    if bytes.len() > bound {
        return Err(LoadError::TooLarge {
            size: bytes.len(),
            bound,
        });
    }
    let bytes = component(bytes)?;
    imports::check_component(&bytes, wasi)?;
    Component::from_binary(engine, &bytes).map_err(LoadError::malformed)
}

/// Checks that a component is a policy of the world `W`.
pub(crate) fn module<W: World>(
    shared: Arc<Shared>,
    linker: &Linker<State>,
    component: &Component,
) -> Result<Module<W>, LoadError> {
    let wrong = |error: wasmtime::Error| LoadError::WrongWorld {
        world: W::NAME,
        reason: format!("{error:#}"),
    };
    let instance = wasi::linker(linker, component)
        .and_then(|linker| linker.instantiate_pre(component))
        .map_err(wrong)?;
    let base = PolicyIndices::new(&instance).map_err(wrong)?;
    let world = W::indices(&instance).map_err(wrong)?;
    Ok(Module::new(shared, instance, base, world))
}
