//! The policies of `tests/fixtures`, and what they are run with.
#![allow(dead_code, reason = "every test binary uses its part")]

use std::path::Path;

use turnout_runtime::{LoadError, Options, RoutingModule, RoutingPolicy, Runtime};
use turnout_vocabulary::{Repository, RepositoryId, Subject, SubjectRule};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) const CLIENTS: RepositoryId = RepositoryId(0);

/// A fixture as a compiler would have written it: a core module that carries the world it was built for.
pub(crate) fn module(fixture: &str, world: &str) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut module = wat::parse_file(here.join("tests/fixtures").join(fixture).with_extension("wat")).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(here.join("../../wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

pub(crate) fn runtime() -> Runtime {
    Runtime::new(&Options::default()).unwrap()
}

pub(crate) fn load(runtime: &Runtime, fixture: &str) -> Result<RoutingModule, LoadError> {
    runtime.load(&module(fixture, "routing"))
}

pub(crate) fn policy(runtime: &Runtime, fixture: &str) -> RoutingPolicy {
    RoutingPolicy::configure(&load(runtime, fixture).unwrap(), "{}", &repositories()).unwrap()
}

pub(crate) fn repositories() -> Vec<Repository> {
    vec![Repository {
        id: CLIENTS,
        name: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: vec![],
    }]
}

pub(crate) fn subject() -> Subject {
    SubjectRule::for_region("RU").unwrap().normalise("89686484488").unwrap()
}
