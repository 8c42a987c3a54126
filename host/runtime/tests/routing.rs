//! A policy that behaves, called through the vocabulary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use support::{CLIENTS, load, module, policy, repositories, runtime, subject};
use turnout_runtime::{ConfigureError, Options, RoutingModule, RoutingPolicy, Runtime};
use turnout_vocabulary::{Action, Admission, Backend, Conditions, Health, PerBackend, ReadPlan, Span};

fn conditions() -> Conditions {
    let health = Health {
        up: true,
        p95: Duration::from_secs(1 << 40),
    };
    Conditions {
        backends: PerBackend {
            old: health,
            new: health,
        },
        mirror_lag: Some(Duration::MAX),
    }
}

#[test]
fn every_function_answers_in_the_vocabulary() {
    let runtime = runtime();
    let policy = policy(&runtime, "good");
    let subject = subject();
    assert_eq!(policy.authority(CLIENTS, Some(&subject)), Ok(Backend::New));
    assert_eq!(policy.authority(CLIENTS, None), Ok(Backend::Old));
    assert_eq!(policy.span(CLIENTS), Ok(Span::Both));
    assert_eq!(policy.mirrored(CLIENTS, Some(&subject)), Ok(true));
    assert_eq!(policy.mirrored(CLIENTS, None), Ok(false));
    let plan = ReadPlan {
        primary: Backend::Old,
        fallback: Some(Backend::New),
        compare: 10_000,
    };
    assert_eq!(
        policy.read(Action::Find, CLIENTS, Some(&subject), &conditions()),
        Ok(plan)
    );
    let refusal = Admission::Refuse {
        retry_after: Duration::from_secs(5),
    };
    assert_eq!(policy.admit(Action::Find, CLIENTS, None), Ok(Admission::Admit));
    assert_eq!(policy.admit(Action::Delete, CLIENTS, None), Ok(refusal));
    assert_eq!(policy.failures().total(), 0);
}

#[test]
fn a_policy_outlives_the_runtime_and_answers_on_every_thread() {
    let policy = policy(&runtime(), "good");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| assert_eq!(policy.authority(CLIENTS, None), Ok(Backend::Old))));
        }
    });
}

#[test]
fn refused_settings_come_with_their_place_and_reason() {
    let runtime = runtime();
    let module = load(&runtime, "refuses_settings").unwrap();
    let error = RoutingPolicy::configure(&module, "{}", &repositories()).err().unwrap();
    assert_eq!(
        error,
        ConfigureError::Settings {
            pointer: "/default/stage".into(),
            reason: "no".into()
        }
    );
}

#[test]
fn a_module_describes_itself() {
    let module = load(&runtime(), "good").unwrap();
    assert_eq!(module.describe().unwrap().name, "good");
}

#[test]
fn a_component_is_loaded_as_it_is() {
    let component = wit_component::ComponentEncoder::default()
        .module(&module("good", "routing"))
        .unwrap()
        .encode()
        .unwrap();
    let module = runtime().load(&component).unwrap();
    let policy = RoutingPolicy::configure(&module, "{}", &repositories()).unwrap();
    assert_eq!(policy.authority(CLIENTS, None), Ok(Backend::Old));
}

#[test]
fn compiled_code_is_kept_on_disk_and_used_again() {
    let parent = tempfile::tempdir().unwrap();
    let cache = parent.path().join("compiled");
    let options = Options {
        cache: Some(cache.clone()),
        ..Options::default()
    };
    let mut kept = Vec::new();
    for _ in 0..2 {
        let runtime = Runtime::new(&options).unwrap();
        let policy = policy(&runtime, "good");
        policy.module().wait_until_optimised();
        assert_eq!(policy.authority(CLIENTS, None), Ok(Backend::Old));
        kept.push(compiled(&cache));
    }
    assert_eq!(kept[0].len(), 1);
    assert_eq!(kept[0], kept[1], "written once");
}

/// The files of compiled code in a cache, with the time at which each was written.
fn compiled(cache: &Path) -> Vec<(PathBuf, SystemTime)> {
    let entries = |directory: &Path| fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries(&cache.join("code/modules"))
        .flat_map(|compiler| entries(&compiler.path()))
        .filter(|file| file.path().extension().is_none())
        .map(|file| (file.path(), file.metadata().unwrap().modified().unwrap()))
        .collect()
}

#[test]
fn a_core_module_is_the_policy_that_it_is_as_a_component() {
    let core = module("good", "routing");
    let component = turnout_runtime::component(&core).unwrap();
    assert_eq!(turnout_runtime::component(&component).unwrap(), component);
    let size = turnout_runtime::core_size(&component).unwrap();
    assert!((100..component.len()).contains(&size), "{size} of {}", component.len());

    let module: RoutingModule = runtime().load(&component).unwrap();
    assert_eq!(module.describe(), load(&runtime(), "good").unwrap().describe());
    assert!(
        module.imports().iter().all(|name| name.starts_with("turnout:policy/")),
        "{:?}",
        module.imports()
    );
    assert!(turnout_runtime::component(b"no module").is_err());
}
