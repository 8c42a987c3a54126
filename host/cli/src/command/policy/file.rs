//! Files that the commands are given.

use std::path::Path;

use anyhow::{Context, Result};

/// What a file holds.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| unreadable(file))
}

/// The same as text.
pub(super) fn text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| unreadable(file))
}

fn unreadable(file: &Path) -> String {
    format!("cannot read {}", file.display())
}
