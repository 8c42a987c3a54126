//! Turns the bytes of a file into compiled code, and refuses bytes that are no policy.

mod encode;
mod imports;
mod shape;

use std::borrow::Cow;

use wasmparser::Parser;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

pub use encode::{component, core_size};

use crate::bindings::policy::PolicyIndices;
use crate::policy::Code;
use crate::presentable::{REASON_BYTES, presentable};
use crate::worlds::World;
use crate::{log, wasi};

/// Why bytes are no policy of a world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is too large.
    #[error("the module has {size} bytes, and {bound} are allowed; build it for size, or raise the bound")]
    TooLarge {
        /// The file's size in bytes.
        size: usize,
        /// The largest size that is loaded.
        bound: usize,
    },
    /// The module has too much of something that takes a compiler long.
    #[error(
        "the module has {count} {what}, and {bound} are allowed, because more would keep the compiler busy for long; build it \
         for size, and leave out what the policy does not need"
    )]
    TooComplex {
        /// What was counted.
        what: &'static str,
        /// How many the module has.
        count: usize,
        /// How many a policy may have.
        bound: usize,
    },
    /// The file is something else.
    #[error("this is not WebAssembly; give the binary .wasm file that the compiler writes")]
    NotWasm,
    /// The module imports something that policies do not get.
    #[error(
        "the module imports `{import}`, and a policy gets nothing but `turnout:policy`; {}",
        imports::advice(import)
    )]
    ForbiddenImport {
        /// The name of the import.
        import: String,
    },
    /// The file is WebAssembly, but cannot be made a component or compiled.
    #[error("the module cannot be compiled: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The file is a component, but not one of this world.
    #[error("the module is no policy of the world `{world}`: {reason}")]
    WrongWorld {
        /// The world that was expected.
        world: &'static str,
        /// What is missing or has another type.
        reason: String,
    },
}

impl LoadError {
    /// The names of imports are the module's own words, so they are made presentable.
    fn forbidden(import: &str) -> Self {
        Self::ForbiddenImport {
            import: presentable(import, REASON_BYTES),
        }
    }

    fn malformed(error: impl Into<wasmtime::Error>) -> Self {
        Self::Malformed {
            reason: presentable(&format!("{:#}", error.into()), REASON_BYTES),
        }
    }
}

/// The component that a file holds, be it a core module or a component. Refuses a file that is too large, or imports what no policy may.
pub(crate) fn checked(bytes: &[u8], bound: usize, wasi: bool) -> Result<Cow<'_, [u8]>, LoadError> {
    if bytes.len() > bound {
        return Err(LoadError::TooLarge {
            size: bytes.len(),
            bound,
        });
    }
    if Parser::is_component(bytes) || Parser::is_core_wasm(bytes) {
        shape::check(bytes)?;
    }
    let component = component(bytes)?;
    imports::check_component(&component, wasi)?;
    Ok(component)
}

/// Compiles a component, and checks that it is a policy of the world `W`.
pub(crate) fn compiled<W: World>(engine: &Engine, component: &[u8]) -> Result<Code<W>, LoadError> {
    let wrong = |error: wasmtime::Error| LoadError::WrongWorld {
        world: W::NAME,
        reason: presentable(&format!("{error:#}"), REASON_BYTES),
    };
    let component = Component::from_binary(engine, component).map_err(LoadError::malformed)?;
    let mut linker = Linker::new(engine);
    let instance = log::add_to_linker(&mut linker, &component)
        .and_then(|()| wasi::add_to_linker(&mut linker, &component))
        .and_then(|()| linker.instantiate_pre(&component))
        .map_err(wrong)?;
    Ok(Code {
        base: PolicyIndices::new(&instance).map_err(wrong)?,
        world: W::indices(&instance).map_err(wrong)?,
        instance,
    })
}
