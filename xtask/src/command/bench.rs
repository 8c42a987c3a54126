use std::ffi::OsString;

use crate::{build, prerequisite, step};

/// Runs the benchmarks.
pub(crate) fn bench(arguments: &[OsString]) -> anyhow::Result<()> {
    prerequisite::ensure()?;
    prerequisite::ensure_supabase_lite()?;
    build::policies()?;
    build::host("release")?;
    step::become_program(
        step::cargo()
            .args(["bench", "--package", "turnout-tests"])
            .args(arguments),
    )
}
