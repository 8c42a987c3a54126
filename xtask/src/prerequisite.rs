//! What a machine must have, beside Rust, before anything here can be built and run. What is there is left alone.

mod apt;
mod node;
mod postgresql;
mod wasm_target;

/// Installs what the demo lacks, or says how to.
pub(crate) fn ensure_for_demo() -> anyhow::Result<()> {
    postgresql::ensure()
}

/// Installs what policies are built with, or says how to.
pub(crate) fn ensure_wasm() -> anyhow::Result<()> {
    wasm_target::ensure()
}

/// Installs both.
pub(crate) fn ensure() -> anyhow::Result<()> {
    wasm_target::ensure()?;
    postgresql::ensure()
}

/// The same of what only the tests need.
pub(crate) fn ensure_for_tests() -> anyhow::Result<()> {
    ensure()?;
    node::ensure()
}
