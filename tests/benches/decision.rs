//! Measures what a decision costs: the policies in WebAssembly and the same code compiled natively, in turns.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use turnout_dual_write::Mirroring;
use turnout_policy::dual_write::{self, DualWrite as _};
use turnout_policy::routing::{self, Routing as _};
use turnout_policy::testing;
use turnout_routing::Stages;
use turnout_runtime::{DualWritePolicy, Module, Options, RoutingPolicy, Runtime, World};
use turnout_tests::{Spread, policy};
use turnout_vocabulary::{
    Action, Backend, Conditions, Health, MirrorState, PerBackend, Repository, RepositoryId, Subject, SubjectRule,
    Written,
};

/// How many rounds measure each side.
const ROUNDS: usize = 21;

/// How many calls one measurement takes.
const CALLS: u32 = 100_000;

const STAGES: &str = r#"{
    "cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"}],
    "default": {"stage": "off"}
}"#;

const CLIENTS: RepositoryId = RepositoryId(0);

fn main() -> Result<()> {
    println!("medians of {ROUNDS} rounds of {CALLS} calls, in ns [least … greatest]; ratio to the native function");
    let runtime = Runtime::new(&Options::default())?;
    let rule = SubjectRule::for_region("RU").ok_or_else(|| anyhow!("no region RU"))?;
    let subject = rule.normalise("89686484488")?;
    route(&runtime, &subject)?;
    mirror(&runtime, &subject)
}

fn repositories() -> [Repository; 1] {
    [Repository {
        id: CLIENTS,
        name: "clients".into(),
        table: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: vec![],
    }]
}

/// Compiles the policy of a world, and prints how long that takes.
fn compile<W: World>(runtime: &Runtime) -> Result<Module<W>> {
    let bytes = std::fs::read(policy(W::NAME))?;
    let began = Instant::now();
    let module = runtime.load(&bytes)?;
    let quick = began.elapsed();
    module.wait_until_optimised();
    println!(
        "compiling the {} policy: {:.1} ms, optimised after {:.1} ms",
        W::NAME,
        quick.as_secs_f64() * 1000.0,
        began.elapsed().as_secs_f64() * 1000.0
    );
    Ok(module)
}

fn route(runtime: &Runtime, subject: &Subject) -> Result<()> {
    let sandboxed = RoutingPolicy::configure(&compile(runtime)?, STAGES, &repositories())?;
    let native: Stages = testing::configure(STAGES, &["clients"]).map_err(|error| anyhow!("{error}"))?;
    let target = || routing::Target {
        repository: CLIENTS.0,
        subject: Some(subject.as_str().to_owned()),
    };
    let operation = || routing::Operation {
        action: routing::Action::Find,
        target: target(),
    };
    let health = Health {
        up: true,
        p95: Duration::from_millis(1),
    };
    let conditions = Conditions {
        backends: PerBackend {
            old: health,
            new: health,
        },
        mirror_lag: None,
    };
    let up = routing::Health { up: true, p95: 1000 };
    let told = routing::Conditions {
        old: up,
        new: up,
        mirror_lag: None,
    };
    let subject = Some(subject);
    compare(
        "authority",
        || sandboxed.authority(CLIENTS, subject).map(drop),
        || {
            black_box(native.authority(&target()));
        },
    )?;
    compare(
        "authority on a fresh instance",
        || {
            let fresh = sandboxed.twin()?;
            fresh.authority(CLIENTS, subject).map_err(anyhow::Error::from).map(drop)
        },
        || {
            let fresh = testing::configure::<Stages>(STAGES, &["clients"]);
            black_box(fresh.is_ok_and(|fresh| fresh.authority(&target()) == routing::Backend::Old));
        },
    )?;
    compare(
        "read (admit, read)",
        || {
            sandboxed.admit(Action::Find, CLIENTS, subject)?;
            sandboxed.read(Action::Find, CLIENTS, subject, &conditions).map(drop)
        },
        || {
            black_box(native.admit(&operation()));
            black_box(native.read(&operation(), &told));
        },
    )?;
    compare(
        "write (admit, authority, mirrored)",
        || {
            sandboxed.admit(Action::Update, CLIENTS, subject)?;
            sandboxed.authority(CLIENTS, subject)?;
            sandboxed.mirrored(CLIENTS, subject).map(drop)
        },
        || {
            black_box(native.admit(&operation()));
            black_box(native.authority(&target()));
            black_box(native.mirrored(&target()));
        },
    )
}

fn mirror(runtime: &Runtime, subject: &Subject) -> Result<()> {
    let sandboxed = DualWritePolicy::configure(&compile(runtime)?, "{}", &repositories())?;
    let native: Mirroring = testing::configure("{}", &["clients"]).map_err(|error| anyhow!("{error}"))?;
    let operation = || dual_write::Operation {
        action: dual_write::Action::Update,
        target: dual_write::Target {
            repository: CLIENTS.0,
            subject: Some(subject.as_str().to_owned()),
        },
    };
    let written = Written {
        action: Action::Update,
        repository: CLIENTS,
        authority: Backend::Old,
        took: Duration::from_millis(2),
        mirror: MirrorState::Pending,
        mirror_took: None,
    };
    let outcome = || dual_write::Outcome {
        action: dual_write::Action::Update,
        repository: CLIENTS.0,
        authority: dual_write::Backend::Old,
        took: 2_000,
        mirror: dual_write::MirrorState::Pending,
        mirror_took: None,
    };
    compare(
        "write (mirror, settle)",
        || {
            sandboxed.mirror(Action::Update, CLIENTS, Some(subject), Backend::Old)?;
            sandboxed.settle(&written).map(drop)
        },
        || {
            black_box(native.mirror(&operation(), dual_write::Backend::Old));
            black_box(native.settle(&outcome()));
        },
    )
}

/// Measures both sides in turns, so that a change of the machine's speed affects both.
fn compare<E: Into<anyhow::Error>>(what: &str, sandboxed: impl Fn() -> Result<(), E>, native: impl Fn()) -> Result<()> {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..CALLS {
            sandboxed().map_err(Into::into)?;
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
    println!("{what:<34} Wasm {sandboxed:.0}   native {native:.0}   ratio {ratio:.1}");
    Ok(())
}
