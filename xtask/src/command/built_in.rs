use std::fs;

use anyhow::Context;

use crate::{build, prerequisite};

/// Builds the policies that are part of the host, and puts them among its sources: who builds the host needs no WebAssembly
/// target then.
pub(crate) fn built_in() -> anyhow::Result<()> {
    prerequisite::ensure_wasm()?;
    build::policies()?;
    let built = build::target()?.join("wasm32-unknown-unknown/policy");
    let sources = build::root().join("host/policies/src/built_in");
    for world in ["routing", "dual-write", "divergence", "safe-cleanup"] {
        let module = built.join(format!("turnout_{}.wasm", world.replace('-', "_")));
        let source = sources.join(format!("{world}.wasm"));
        fs::copy(&module, &source)
            .with_context(|| format!("could not copy {} to {}", module.display(), source.display()))?;
    }
    Ok(())
}
