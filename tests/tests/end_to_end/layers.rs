//! The crates of the host know each other in one direction only, and few of them know databases or HTTP.

use std::path::Path;

use anyhow::{Context, Result};

/// What each crate of the host may know of the others. Nothing else may know it.
const LAYERS: [(&str, &[&str]); 10] = [
    ("vocabulary", &[]),
    ("runtime", &["vocabulary"]),
    ("postgrest", &["vocabulary"]),
    ("cluster", &[]),
    ("supervisor", &[]),
    ("backends", &["supervisor", "vocabulary"]),
    ("mirror", &["backends", "supervisor", "vocabulary"]),
    (
        "pipeline",
        &["backends", "mirror", "runtime", "supervisor", "vocabulary"],
    ),
    (
        "api",
        &["backends", "pipeline", "postgrest", "supervisor", "vocabulary"],
    ),
    (
        "cli",
        &[
            "api",
            "backends",
            "cluster",
            "mirror",
            "pipeline",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
];

/// What does I/O, and who may use it.
const IO: [(&str, &[&str]); 3] = [
    ("sqlx", &["backends", "cluster"]),
    ("axum", &["api", "cli"]),
    (
        "tokio",
        &["api", "backends", "cli", "cluster", "mirror", "pipeline", "supervisor"],
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
