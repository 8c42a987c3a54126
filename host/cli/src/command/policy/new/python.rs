use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{DUAL_WRITE, WIT};

/// The policy in Python. It decides what the template in Rust does, so its settings and cases are the same.
const FILES: [(&str, &str); 2] = [
    ("waits.py", include_str!("../../../../../../plugins/python/waits.py")),
    (
        "requirements.txt",
        include_str!("../../../../../../plugins/python/requirements.txt"),
    ),
];

/// Fills a new folder.
pub(super) fn write(folder: &Path) -> Result<()> {
    for (file, content) in FILES {
        fs::write(folder.join(file), content)?;
    }
    for file in ["cases.toml", "settings.toml"] {
        if let Some(file) = DUAL_WRITE.get_file(file) {
            fs::write(folder.join(file.path()), file.contents())?;
        }
    }
    fs::write(folder.join(".gitignore"), "/venv\n/__pycache__\n/*.wasm\n")?;
    let wit = folder.join("wit");
    fs::create_dir(&wit)?;
    Ok(WIT.extract(wit)?)
}
