use wasmtime::component::LinkerInstance;

use super::{Handle, handle};
use crate::policy::State;

/// `wasi:cli/environment`: no environment, no arguments, no directory.
pub(super) fn environment(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions.func_wrap("get-environment", |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
    functions.func_wrap("get-arguments", |_, ()| Ok((Vec::<String>::new(),)))?;
    functions.func_wrap("initial-cwd", |_, ()| Ok((None::<String>,)))
}

/// The stream behind stdin, stdout or stderr.
pub(super) fn stream(functions: &mut LinkerInstance<'_, State>, get: &str) -> wasmtime::Result<()> {
    functions.func_wrap(get, |_, ()| Ok((handle(),)))
}

/// None of the three is a terminal.
pub(super) fn terminal(functions: &mut LinkerInstance<'_, State>, get: &str) -> wasmtime::Result<()> {
    functions.func_wrap(get, |_, ()| Ok((None::<Handle>,)))
}
