//! A policy loads whichever version of the package `turnout:policy` it was built against, if the host has what it uses.
//!
//! Before a version is released that follows this one, keep a policy of each world here that was built against this one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{CLIENTS, logged, repositories, runtime, subject};
use turnout_runtime::{DualWritePolicy, LoadError, Module, Routing, RoutingPolicy, World};
use turnout_vocabulary::{Action, Backend, MirrorPlan, Span};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

fn directory(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The module that was stored when the version was the newest.
fn stored<W: World>(version: &str) -> Module<W> {
    let file = directory("tests/fixtures")
        .join(version)
        .join(W::NAME)
        .with_extension("wasm");
    let module = runtime().load(&fs::read(file).unwrap());
    module.unwrap_or_else(|error| {
        panic!("users keep policies that were built against {version}, and a change of wit/ or the host shuts them out: {error}")
    })
}

/// The fixture `logs`, built against the package as a version of it would be that has a function and a world more. It uses
/// neither, unless it is made to.
fn built_against(version: &str, uses_what_was_added: bool) -> Vec<u8> {
    let package = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory("../../wit")).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let lines = text.lines().map(|line| match line.trim_start() {
            line if line.starts_with("package ") => format!("package turnout:policy@{version};"),
            line if line.starts_with("@since") => format!("@since(version = {version})"),
            "interface log {" => format!("{line}\n@since(version = {version})\ncount: func(what: string);"),
            _ => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        fs::write(package.path().join(file.file_name()), text).unwrap();
    }
    let world = format!("package turnout:policy@{version}; world audit {{ include policy; export audit: func(); }}");
    fs::write(package.path().join("audit.wit"), world).unwrap();

    let mut text = fs::read_to_string(directory("tests/fixtures/logs.wat")).unwrap();
    if uses_what_was_added {
        let import = r#"(import "turnout:policy/log@0.1.0" "count" (func (param i32 i32)))"#;
        text = text.replacen("(import", &format!("{import} (import"), 1);
    }
    let mut module = wat::parse_str(text.replace("@0.1.0", &format!("@{version}"))).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(package.path()).unwrap();
    let world = resolve.select_world(&[package], Some("routing")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

fn assert_routes_and_logs(module: &Module<Routing>) {
    let policy = RoutingPolicy::configure(module, "{}", &repositories()).unwrap();
    let log = logged(|| assert_eq!(policy.authority(CLIENTS, Some(&subject())), Ok(Backend::New)));
    assert!(log.contains(r#"INFO turnout::policy: asked world="routing""#), "{log}");
    assert_eq!(policy.authority(CLIENTS, None), Ok(Backend::Old));
    assert_eq!(policy.span(CLIENTS), Ok(Span::Both));
}

#[test]
fn a_routing_policy_that_was_built_against_0_1_0_decides_and_logs() {
    assert_routes_and_logs(&stored("0.1.0"));
}

#[test]
fn a_dual_write_policy_that_was_built_against_0_1_0_decides_and_logs() {
    let policy = DualWritePolicy::configure(&stored("0.1.0"), "{}", &repositories()).unwrap();
    let log = logged(|| {
        let plan = policy.mirror(Action::Upsert, CLIENTS, Some(&subject()), Backend::New);
        assert_eq!(plan, Ok(MirrorPlan::Async));
    });
    assert!(
        log.contains(r#"INFO turnout::policy: asked world="dual-write""#),
        "{log}"
    );
}

#[test]
fn a_policy_loads_whichever_version_it_was_built_against_if_the_host_has_what_it_uses() {
    for version in ["0.0.9", "0.1.1", "0.99.0", "99.0.0"] {
        let module = runtime().load(&built_against(version, false)).unwrap();
        assert_eq!(module.imports(), [format!("turnout:policy/log@{version}#log")]);
        assert_routes_and_logs(&module);
    }
}

#[test]
fn a_policy_that_uses_what_this_host_lacks_is_refused_with_its_name() {
    let error = runtime().load::<Routing>(&built_against("0.99.0", true)).err().unwrap();
    let message = error.to_string();
    assert!(matches!(error, LoadError::WrongWorld { .. }), "{message}");
    for name in ["turnout:policy/log@0.99.0", "`count`"] {
        assert!(message.contains(name), "{message}");
    }
}
