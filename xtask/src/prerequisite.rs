//! What a machine must have, beside Rust, before anything here can be built and run. What is there is left alone.

mod apt;
mod node;
mod postgresql;
mod wasm_target;

/// Installs what is missing, or says how to.
pub(crate) fn ensure() -> anyhow::Result<()> {
    wasm_target::ensure()?;
    postgresql::ensure()
}

/// Installs Node.js, which builds the policy in JavaScript for the tests of it.
pub(crate) fn ensure_node() -> anyhow::Result<()> {
    node::ensure()
}
