//! What a policy finds that imports WASI: refused unless it is allowed, and then nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::env;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{module_with_wit, policy, repositories, runtime};
use tracing_subscriber::filter::LevelFilter;
use turnout_runtime::{Failure, LoadError, Options, Routing, RoutingPolicy, Runtime};
use turnout_vocabulary::{Action, Backend, Conditions, Health, PerBackend, RepositoryId};

const ENVIRONMENT: RepositoryId = RepositoryId(0);
const ARGUMENTS: RepositoryId = RepositoryId(1);
const DIRECTORY: RepositoryId = RepositoryId(2);
const PREOPENS: RepositoryId = RepositoryId(3);
const WALL_CLOCK: RepositoryId = RepositoryId(4);
const MONOTONIC_CLOCK: RepositoryId = RepositoryId(5);
const RANDOM_NUMBER: RepositoryId = RepositoryId(6);
const RANDOM_BYTES: RepositoryId = RepositoryId(7);

const PRINT: RepositoryId = RepositoryId(0);
const EXIT: RepositoryId = RepositoryId(1);
const SOCKET: RepositoryId = RepositoryId(2);
const POLL_FOREVER: RepositoryId = RepositoryId(3);
const BLOCK_FOREVER: RepositoryId = RepositoryId(4);
const HOARD_HANDLES: RepositoryId = RepositoryId(5);
const ALL_RANDOM_BYTES: RepositoryId = RepositoryId(6);

fn wasi() -> Runtime {
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    Runtime::new(&options).unwrap()
}

fn curious() -> RoutingPolicy {
    let module = wasi().load(&module_with_wit("wasi", "curious")).unwrap();
    RoutingPolicy::configure(&module, "{}", &repositories()).unwrap()
}

/// What the policy sees, as a number.
fn seen(policy: &RoutingPolicy, what: RepositoryId) -> u16 {
    let health = Health {
        up: true,
        p95: Duration::ZERO,
    };
    let conditions = Conditions {
        backends: PerBackend {
            old: health,
            new: health,
        },
        mirror_lag: None,
    };
    policy.read(Action::Find, what, None, &conditions).unwrap().compare
}

fn failure(deed: RepositoryId) -> Failure {
    curious().authority(deed, None).unwrap_err().failure
}

fn assert_trapped(failure: &Failure, why: &str) {
    assert!(
        matches!(failure, Failure::Trapped { reason } if reason.contains(why)),
        "{failure}"
    );
}

#[test]
fn wasi_is_refused_by_name_with_the_setting_that_allows_it() {
    let error = runtime()
        .load::<Routing>(&module_with_wit("wasi", "curious"))
        .err()
        .unwrap();
    assert!(
        matches!(&error, LoadError::ForbiddenImport { import } if import.starts_with("wasi:")),
        "{error}"
    );
    let message = error.to_string();
    assert!(message.contains("`policies.wasi = true` in turnout.toml"), "{message}");
}

#[test]
fn what_is_neither_wasi_nor_ours_stays_refused() {
    let component = wat::parse_str(r#"(component (import "acme:disk/files@0.2.0" (instance)))"#).unwrap();
    let error = wasi().load::<Routing>(&component).err().unwrap();
    assert_eq!(
        error,
        LoadError::ForbiddenImport {
            import: "acme:disk/files@0.2.0".into()
        }
    );
}

#[test]
fn a_policy_without_wasi_runs_where_wasi_is_allowed() {
    assert_eq!(
        policy(&wasi(), "good").authority(RepositoryId(0), None),
        Ok(Backend::Old)
    );
}

#[test]
fn there_is_no_environment_and_there_are_no_files() {
    let policy = curious();
    for nothing in [ENVIRONMENT, ARGUMENTS, DIRECTORY, PREOPENS] {
        assert_eq!(seen(&policy, nothing), 0, "{nothing:?}");
    }
}

#[test]
fn the_clocks_stand_still() {
    let policy = curious();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        assert_eq!(seen(&policy, WALL_CLOCK), 0);
        assert_eq!(seen(&policy, MONOTONIC_CLOCK), 0);
    }
}

#[test]
fn random_numbers_are_the_same_on_every_instance_and_in_every_call() {
    let (one, other) = (curious(), curious());
    for random in [RANDOM_NUMBER, RANDOM_BYTES] {
        let number = seen(&one, random);
        assert_eq!(number, seen(&one, random));
        assert_eq!(number, seen(&other, random));
    }
    assert_ne!(seen(&one, RANDOM_NUMBER), seen(&one, RANDOM_BYTES));
}

#[test]
fn exit_is_a_trap_and_the_next_call_is_answered() {
    let policy = curious();
    let error = policy.authority(EXIT, None).unwrap_err();
    assert_trapped(&error.failure, "wasi:cli/exit@0.2.0#exit");
    let in_a_row: Vec<u32> = policy.failing().iter().map(|failing| failing.in_a_row).collect();
    assert_eq!(in_a_row, [1]);
    assert_eq!(policy.authority(PRINT, None), Ok(Backend::New));
}

#[test]
fn a_socket_is_a_trap() {
    assert_trapped(
        &failure(SOCKET),
        "wasi:sockets/tcp-create-socket@0.2.0#create-tcp-socket",
    );
}

#[test]
fn a_policy_that_waits_forever_is_stopped() {
    for deed in [POLL_FOREVER, BLOCK_FOREVER] {
        assert_eq!(
            failure(deed),
            Failure::OutOfTime {
                bound: Duration::from_millis(50)
            }
        );
    }
}

#[test]
fn handles_and_random_bytes_are_bounded() {
    assert_trapped(&failure(HOARD_HANDLES), "handle limit");
    assert_trapped(&failure(ALL_RANDOM_BYTES), "random bytes");
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn prints() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    assert_eq!(curious().authority(PRINT, None), Ok(Backend::New));
}

#[test]
fn what_is_printed_goes_to_the_log_at_debug_and_not_to_stdout() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "prints", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .lines()
            .any(|line| line.contains("hello from inside"))
    };
    assert!(!said(&output.stdout), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr);
    let line = log.lines().find(|line| line.contains("hello from inside")).unwrap();
    assert!(line.contains("DEBUG turnout::policy:"), "{line}");
}
