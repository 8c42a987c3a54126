use anyhow::bail;

use super::apt;
use crate::step;

/// npm packages build the policies in JavaScript, hold versions of PostgreSQL, and are Supabase's client.
pub(super) fn ensure() -> anyhow::Result<()> {
    if step::succeeds("node", &["--version"]) && step::succeeds("npm", &["--version"]) {
        return Ok(());
    }
    if !apt::usable()? {
        bail!(
            "Node.js and npm, which the tests need, are missing. Install them and run this again: \
             `sudo apt-get install nodejs npm` on Debian and Ubuntu, `sudo dnf install nodejs` on Fedora"
        );
    }
    apt::install("Node.js", &["nodejs", "npm"])
}
