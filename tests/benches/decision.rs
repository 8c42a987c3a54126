//! What a decision costs: the routing policy in WebAssembly beside the same code compiled natively, in turns.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, anyhow};
use turnout_routing::Routing;
use turnout_routing::bindings as wit;
use turnout_routing::bindings::Guest;
use turnout_routing::bindings::turnout::policy::{routing_types, types};
use turnout_runtime::{Options, RoutingPolicy, Runtime};
use turnout_tests::{Spread, policy};
use turnout_vocabulary::{Action, Conditions, Health, PerBackend, Repository, RepositoryId, SubjectRule};

/// How often each side is measured.
const ROUNDS: usize = 21;

/// How many calls one measurement takes.
const CALLS: u32 = 100_000;

const SETTINGS: &str = r#"{
    "cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"}],
    "default": {"stage": "off"}
}"#;

const CLIENTS: RepositoryId = RepositoryId(0);

fn main() -> Result<()> {
    let clients = Repository {
        id: CLIENTS,
        name: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: vec![],
    };
    let runtime = Runtime::new(&Options::default())?;
    let bytes = std::fs::read(policy("routing"))?;
    let began = Instant::now();
    let module = runtime.load_routing(&bytes)?;
    let compiled = began.elapsed();
    let sandboxed = RoutingPolicy::configure(&module, SETTINGS, &[clients])?;
    let repositories = vec![types::RepositoryInfo {
        name: "clients".into(),
        has_subject: true,
    }];
    Routing::configure(wit::Settings {
        json: SETTINGS.into(),
        repositories,
    })
    .map_err(|error| anyhow!("{error:?}"))?;

    let rule = SubjectRule::for_region("RU").ok_or_else(|| anyhow!("no region RU"))?;
    let subject = rule.normalise("89686484488")?;
    let subject = Some(&subject);
    let text = subject.map(|subject| subject.as_str().to_owned());
    let target = || wit::Target {
        repository: CLIENTS.0,
        subject: text.clone(),
    };
    let operation = || wit::Operation {
        action: types::Action::Find,
        target: target(),
    };
    let health = Health {
        up: true,
        p95: std::time::Duration::from_millis(1),
    };
    let conditions = Conditions {
        backends: PerBackend {
            old: health,
            new: health,
        },
        mirror_lag: None,
    };
    let up = routing_types::Health { up: true, p95: 1000 };
    let told = wit::Conditions {
        old: up,
        new: up,
        mirror_lag: None,
    };

    println!(
        "compiling the routing policy: {:.1} ms",
        compiled.as_secs_f64() * 1000.0
    );
    println!("medians of {ROUNDS} rounds of {CALLS} calls, in ns [least … greatest]; ratio to the native function");
    compare(
        "authority",
        || sandboxed.authority(CLIENTS, subject).map(drop),
        || {
            black_box(Routing::authority(target()));
        },
    )?;
    compare(
        "read (admit, read)",
        || {
            sandboxed.admit(Action::Find, CLIENTS, subject)?;
            sandboxed.read(Action::Find, CLIENTS, subject, &conditions).map(drop)
        },
        || {
            black_box(Routing::admit(operation()));
            black_box(Routing::read(operation(), told));
        },
    )?;
    compare(
        "write (admit, authority)",
        || {
            sandboxed.admit(Action::Update, CLIENTS, subject)?;
            sandboxed.authority(CLIENTS, subject).map(drop)
        },
        || {
            black_box(Routing::admit(operation()));
            black_box(Routing::authority(target()));
        },
    )
}

/// Measures both sides in turns, so that a change of the machine's speed meets both.
fn compare<E: std::error::Error + Send + Sync + 'static>(
    what: &str,
    sandboxed: impl Fn() -> Result<(), E>,
    native: impl Fn(),
) -> Result<()> {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..CALLS {
            sandboxed()?;
        }
        times.0.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        let began = Instant::now();
        for _ in 0..CALLS {
            native();
        }
        times.1.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
    }
    let ratio = Spread::of(
        times
            .0
            .iter()
            .zip(&times.1)
            .map(|(sandboxed, native)| sandboxed / native),
    );
    let (sandboxed, native) = (Spread::of(times.0), Spread::of(times.1));
    println!("{what:<26} Wasm {sandboxed:.0}   native {native:.0}   ratio {ratio:.1}");
    Ok(())
}
