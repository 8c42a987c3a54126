//! The policies of `tests/fixtures`, and what they are run with.
#![allow(dead_code, reason = "every test binary uses its part")]

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::subscriber;
use turnout_runtime::{LoadError, Options, RoutingModule, RoutingPolicy, Runtime};
use turnout_vocabulary::{Repository, RepositoryId, Subject, SubjectRule};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve};

pub(crate) const CLIENTS: RepositoryId = RepositoryId(0);

/// A fixture as a compiler would have written it: a core module that carries the world it was built for.
pub(crate) fn module(fixture: &str, world: &str) -> Vec<u8> {
    let (resolve, package) = wit();
    built_for(fixture, &resolve, package, world)
}

/// The same for a world of its own, which `fixtures/<fixture>.wit` has beside the packages that it imports from.
pub(crate) fn module_with_wit(fixture: &str, world: &str) -> Vec<u8> {
    let (mut resolve, _) = wit();
    let package = resolve.push_file(path(fixture, "wit")).unwrap();
    built_for(fixture, &resolve, package, world)
}

fn path(fixture: &str, extension: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(fixture).with_extension(extension)
}

fn wit() -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_dir(directory).unwrap();
    (resolve, package)
}

fn built_for(fixture: &str, resolve: &Resolve, package: PackageId, world: &str) -> Vec<u8> {
    let mut module = wat::parse_file(path(fixture, "wat")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
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
        table: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: vec![],
    }]
}

pub(crate) fn subject() -> Subject {
    SubjectRule::for_region("RU").unwrap().normalise("89686484488").unwrap()
}

/// What is logged meanwhile.
pub(crate) fn logged(meanwhile: impl FnOnce()) -> String {
    let mut log = tempfile::tempfile().unwrap();
    let writer: Arc<File> = Arc::new(log.try_clone().unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
    subscriber::with_default(subscriber, meanwhile);
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    text
}
