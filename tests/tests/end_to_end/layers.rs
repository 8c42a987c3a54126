//! The crates of the host depend on each other in one direction only, and few of them use databases or HTTP.

use std::path::Path;

use anyhow::{Context, Result};

/// The crates of the host that each crate may use. It may use no others.
const LAYERS: [(&str, &[&str]); 14] = [
    ("vocabulary", &[]),
    ("runtime", &["vocabulary"]),
    ("postgrest", &["vocabulary"]),
    ("cluster", &[]),
    ("supervisor", &[]),
    ("alerts", &["supervisor", "vocabulary"]),
    ("backends", &["supervisor", "vocabulary"]),
    ("compare", &["backends", "supervisor", "vocabulary"]),
    ("mirror", &["backends", "supervisor", "vocabulary"]),
    ("policies", &["runtime", "vocabulary"]),
    (
        "handoff",
        &[
            "alerts",
            "backends",
            "compare",
            "mirror",
            "policies",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
    (
        "pipeline",
        &[
            "alerts",
            "backends",
            "compare",
            "handoff",
            "mirror",
            "policies",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
    (
        "api",
        &[
            "alerts",
            "backends",
            "compare",
            "handoff",
            "pipeline",
            "policies",
            "postgrest",
            "supervisor",
            "vocabulary",
        ],
    ),
    (
        "cli",
        &[
            "alerts",
            "api",
            "backends",
            "cluster",
            "compare",
            "handoff",
            "mirror",
            "pipeline",
            "policies",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
];

/// Libraries that do I/O, and the crates that may use them.
const IO: [(&str, &[&str]); 4] = [
    ("sqlx", &["backends", "cluster"]),
    ("axum", &["api", "cli"]),
    ("sentry", &["alerts"]),
    (
        "tokio",
        &[
            "alerts",
            "alerts",
            "api",
            "backends",
            "cli",
            "cluster",
            "compare",
            "handoff",
            "mirror",
            "pipeline",
            "policies",
            "supervisor",
        ],
    ),
];

#[test]
fn imports_run_one_way() -> Result<()> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host");
    let mut crates: Vec<_> = std::fs::read_dir(&host)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<_>>()?;
    crates.sort();
    let mut known: Vec<_> = LAYERS.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(crates, known, "a crate of the host has no layer");

    for (name, may_know) in LAYERS {
        let manifest = std::fs::read_to_string(host.join(name).join("Cargo.toml"))?;
        let (_, after) = manifest
            .split_once("\n[dependencies]")
            .with_context(|| format!("{name} has no dependencies"))?;
        let dependencies = after.split("\n[").next().unwrap_or_default();
        let reaches = |other: &str| {
            dependencies
                .lines()
                .any(|line| line.split(['.', ' ', '=']).next() == Some(other))
        };
        for (other, _) in LAYERS {
            let uses = reaches(&format!("turnout-{other}"));
            assert!(
                !uses || may_know.contains(&other),
                "host/{name} must not know host/{other}"
            );
        }
        for (library, users) in IO {
            assert!(
                !reaches(library) || users.contains(&name),
                "host/{name} must not use {library}"
            );
        }
    }
    Ok(())
}

#[test]
fn one_room_knows_the_driver() -> Result<()> {
    let backends = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/backends/src");
    let room = backends.join("wire/postgres");
    let mut folders = vec![backends];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let knows = std::fs::read_to_string(&path)?.contains("sqlx::");
            let may_know = path.starts_with(&room) || path == room.with_extension("rs");
            assert!(!knows || may_know, "{} must not use sqlx", path.display());
        }
    }
    Ok(())
}
