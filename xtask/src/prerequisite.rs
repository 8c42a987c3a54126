//! What a machine must have, beside Rust, to build and run this project. Nothing that is there already is changed.

mod apt;
mod node;
mod postgresql;
mod wasm_target;

/// Installs what the demo lacks, or prints how to install it.
pub(crate) fn ensure_for_demo() -> anyhow::Result<()> {
    postgresql::ensure()
}

/// Installs what policies are built with, or prints how to install it.
pub(crate) fn ensure_wasm() -> anyhow::Result<()> {
    wasm_target::ensure()
}

/// Installs what is missing, or prints how to install it.
pub(crate) fn ensure() -> anyhow::Result<()> {
    wasm_target::ensure()?;
    postgresql::ensure()
}

/// Installs Node.js, which builds the policies in JavaScript for its tests.
pub(crate) fn ensure_node() -> anyhow::Result<()> {
    node::ensure()
}
