//! The empty world that a policy gets which imports WASI (preview 2), where the operator allows WASI. There are no files, no environment,
//! no arguments and nothing to read. The clock stands still. The random numbers are the same in every call, so that a decision stays a
//! pure function. What the policy prints goes to its log, at debug. Every other function is a trap, sockets and `exit` among them.

mod cli;
mod clocks;
mod filesystem;
mod io;
mod random;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::format_err;

pub(crate) use random::Random;

use crate::policy::State;

/// How many handles to WASI's resources one instance may hold. The host keeps a few bytes for each.
pub(crate) const HANDLES: usize = 1024;

/// A handle to a resource of WASI. The host keeps no state for it: every pollable is ready, every stream goes nowhere.
type Handle = Resource<()>;

fn handle() -> Handle {
    Resource::new_own(0)
}

/// Whether an import is one of WASI's.
pub(crate) fn is_wasi(import: &str) -> bool {
    import.starts_with("wasi:")
}

/// Adds what a component imports of WASI.
pub(crate) fn add_to_linker(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    // Functions that are defined below take the place of traps.
    linker.allow_shadowing(true);
    for (name, import) in component.component_type().imports(component.engine()) {
        if let (true, ComponentItem::ComponentInstance(interface)) = (is_wasi(name), import.ty) {
            let mut functions = linker.instance(name)?;
            for (item, export) in interface.exports(component.engine()) {
                trap(&mut functions, name, item, &export.ty)?;
            }
            define(&mut functions, name)?;
        }
    }
    Ok(())
}

/// Defines every function of an import as a trap.
fn trap(
    functions: &mut LinkerInstance<'_, State>,
    interface: &str,
    item: &str,
    ty: &ComponentItem,
) -> wasmtime::Result<()> {
    match ty {
        ComponentItem::ComponentFunc(_) => {
            let name = format!("{interface}#{item}");
            functions.func_new(item, move |_, _, _, _| {
                Err(format_err!("it called `{name}`, which no policy may"))
            })
        }
        ComponentItem::Resource(_) => functions.resource(item, ResourceType::host::<()>(), |_, _| Ok(())),
        _ => Ok(()),
    }
}

/// Defines the functions that are no traps, whichever version of the interface the component was built with.
fn define(functions: &mut LinkerInstance<'_, State>, interface: &str) -> wasmtime::Result<()> {
    match interface.split('@').next().unwrap_or(interface) {
        "wasi:cli/environment" => cli::environment(functions),
        "wasi:cli/stdin" => cli::stream(functions, "get-stdin"),
        "wasi:cli/stdout" => cli::stream(functions, "get-stdout"),
        "wasi:cli/stderr" => cli::stream(functions, "get-stderr"),
        "wasi:cli/terminal-stdin" => cli::terminal(functions, "get-terminal-stdin"),
        "wasi:cli/terminal-stdout" => cli::terminal(functions, "get-terminal-stdout"),
        "wasi:cli/terminal-stderr" => cli::terminal(functions, "get-terminal-stderr"),
        "wasi:clocks/monotonic-clock" => clocks::monotonic(functions),
        "wasi:clocks/wall-clock" => clocks::wall(functions),
        "wasi:filesystem/preopens" => filesystem::preopens(functions),
        "wasi:io/poll" => io::poll(functions),
        "wasi:io/streams" => io::streams(functions),
        "wasi:random/insecure" => random::numbers(functions, "get-insecure-random-bytes", "get-insecure-random-u64"),
        "wasi:random/insecure-seed" => random::seed(functions),
        "wasi:random/random" => random::numbers(functions, "get-random-bytes", "get-random-u64"),
        _ => Ok(()),
    }
}
