//! The crates of the host depend on each other in one direction only, and few of them use databases or HTTP.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The crates of the host that each crate may use. It may use no others.
const LAYERS: [(&str, &[&str]); 21] = [
    ("vocabulary", &[]),
    ("runtime", &["vocabulary"]),
    ("postgrest", &["vocabulary"]),
    ("cluster", &[]),
    ("supervisor", &[]),
    ("alerts", &["supervisor", "vocabulary"]),
    ("backends", &["supervisor", "vocabulary"]),
    ("compare", &["backends", "supervisor", "vocabulary"]),
    ("preflight", &["backends", "vocabulary"]),
    ("readiness", &["vocabulary"]),
    ("baseline", &["backends", "postgrest", "vocabulary"]),
    ("report", &["backends", "vocabulary"]),
    ("mirror", &["backends", "compare", "supervisor", "vocabulary"]),
    ("policies", &["runtime", "vocabulary"]),
    (
        "drift",
        &[
            "alerts",
            "backends",
            "policies",
            "preflight",
            "supervisor",
            "vocabulary",
        ],
    ),
    (
        "comparisons",
        &[
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
        "cleanup",
        &[
            "backends",
            "compare",
            "comparisons",
            "mirror",
            "policies",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
    (
        "handoff",
        &[
            "alerts",
            "backends",
            "compare",
            "mirror",
            "policies",
            "readiness",
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
            "comparisons",
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
            "cleanup",
            "compare",
            "comparisons",
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
            "baseline",
            "cleanup",
            "cluster",
            "compare",
            "comparisons",
            "drift",
            "handoff",
            "mirror",
            "pipeline",
            "policies",
            "preflight",
            "report",
            "readiness",
            "runtime",
            "supervisor",
            "vocabulary",
        ],
    ),
];

/// The parts of `host/handoff`. Each may use those before it.
const PARTS_OF_HANDOFF: [&str; 26] = [
    "obstacle",
    "facts",
    "installed",
    "metrics",
    "held_up",
    "judge",
    "site",
    "record",
    "fences",
    "seen",
    "mirror_alerts",
    "outages",
    "compare",
    "numbers",
    "gate",
    "learn",
    "drain",
    "sides",
    "change",
    "freeze",
    "apply",
    "observe",
    "follow",
    "ship",
    "watch",
    "handoffs",
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
            "api",
            "backends",
            "cleanup",
            "cli",
            "cluster",
            "compare",
            "comparisons",
            "drift",
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
    for (path, text) in sources(backends)? {
        let may_know = path.starts_with(&room) || path == room.with_extension("rs");
        assert!(
            !text.contains("sqlx::") || may_know,
            "{} must not use sqlx",
            path.display()
        );
    }
    Ok(())
}

#[test]
fn parts_of_the_handoff_import_one_way() -> Result<()> {
    let handoff = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/handoff/src");
    let place = |part: &str| PARTS_OF_HANDOFF.iter().position(|known| *known == part);
    for (path, text) in sources(handoff.clone())? {
        let relative = path.strip_prefix(&handoff)?.with_extension("");
        let part = relative
            .iter()
            .next()
            .and_then(|part| part.to_str())
            .unwrap_or_default();
        if part == "lib" {
            continue;
        }
        let own = place(part).with_context(|| format!("{part} has no place among the parts"))?;
        for used in text.split("crate::").skip(1) {
            let used = used
                .split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
                .next();
            let used = used.unwrap_or_default();
            assert!(
                place(used).is_some_and(|used| used <= own),
                "{} must not use `crate::{used}`",
                path.display()
            );
        }
    }
    Ok(())
}

/// The files under a folder, with what they hold.
fn sources(folder: PathBuf) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path)?;
                found.push((path, text));
            }
        }
    }
    Ok(found)
}
