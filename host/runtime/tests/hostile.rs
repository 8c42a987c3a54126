//! What policies that do not behave can do: nothing but fail, soon and with a reason.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use nix::time::ClockId;
use support::{CLIENTS, load, module, policy, repositories, runtime, subject};
use turnout_runtime::{
    Bounds, CallError, ConfigureError, Failure, LoadError, Options, Routing, RoutingPolicy, Runtime,
};
use turnout_vocabulary::Backend;

/// How soon a policy is refused or stopped. It is CPU time, as the bounds are: other work on the machine must fail no test.
const SOON: Duration = Duration::from_millis(250);

fn cpu_time() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().unwrap().into()
}

fn assert_soon(start: Duration) {
    let taken = cpu_time().saturating_sub(start);
    assert!(taken < SOON, "{taken:?}");
}

/// Asks for a decision that a hostile policy does not make, and then a good policy of the same runtime for one.
fn failure(fixture: &str) -> Failure {
    let runtime = runtime();
    let hostile = policy(&runtime, fixture);
    let start = cpu_time();
    let CallError {
        world,
        function,
        failure,
    } = hostile.authority(CLIENTS, None).unwrap_err();
    assert_soon(start);
    assert_eq!((world, function), ("routing", "authority"));
    assert!(hostile.failures().total() > 0);
    assert_still_answers(&runtime);
    failure
}

fn assert_still_answers(runtime: &Runtime) {
    assert_eq!(
        policy(runtime, "good").authority(CLIENTS, Some(&subject())),
        Ok(Backend::New)
    );
}

fn refusal(runtime: &Runtime, bytes: &[u8]) -> LoadError {
    let start = cpu_time();
    let error = runtime.load::<Routing>(bytes).err().unwrap();
    assert_soon(start);
    assert_still_answers(runtime);
    error
}

#[test]
fn an_endless_loop_is_stopped() {
    assert_eq!(
        failure("endless_loop"),
        Failure::OutOfTime {
            bound: Duration::from_millis(50)
        }
    );
}

#[test]
fn a_policy_that_eats_memory_is_stopped() {
    assert_eq!(failure("eats_memory"), Failure::OutOfMemory { bound: 16 << 20 });
}

#[test]
fn a_policy_that_eats_table_entries_is_stopped() {
    assert_eq!(failure("eats_table"), Failure::OutOfTable { bound: 64 << 10 });
}

#[test]
fn a_trap_is_reported_with_its_reason() {
    let failure = failure("traps");
    assert!(
        matches!(&failure, Failure::Trapped { reason } if reason.contains("unreachable")),
        "{failure}"
    );
}

#[test]
fn an_answer_that_is_none_is_a_failure() {
    let failure = failure("lies");
    assert!(
        matches!(&failure, Failure::Trapped { reason } if reason.contains("discriminant")),
        "{failure}"
    );
}

#[test]
fn endless_recursion_is_stopped() {
    let failure = failure("recurses");
    assert!(
        matches!(&failure, Failure::Trapped { reason } if reason.contains("stack")),
        "{failure}"
    );
}

#[test]
fn a_policy_that_traps_now_and_then_answers_on_a_fresh_instance() {
    let runtime = runtime();
    let policy = policy(&runtime, "traps_at_the_second_call");
    for _ in 0..10 {
        assert_eq!(policy.authority(CLIENTS, Some(&subject())), Ok(Backend::New));
    }
    assert_eq!(policy.failures().trap, 9);
}

#[test]
fn an_endless_configure_is_stopped() {
    let runtime = runtime();
    let module = load(&runtime, "endless_configure").unwrap();
    let start = cpu_time();
    let error = RoutingPolicy::configure(&module, "{}", &repositories()).err().unwrap();
    assert_soon(start);
    assert_eq!(
        error,
        ConfigureError::Failed(Failure::OutOfTime {
            bound: Duration::from_millis(100)
        })
    );
    assert_still_answers(&runtime);
}

#[test]
fn an_import_of_wasi_is_refused_by_name() {
    let error = refusal(&runtime(), &module("imports_wasi", "routing"));
    assert_eq!(
        error,
        LoadError::ForbiddenImport {
            import: "wasi_snapshot_preview1::fd_write".into()
        }
    );
    let message = error.to_string();
    assert!(
        message.contains("build it for wasm32-unknown-unknown") && !message.contains("wasip2"),
        "{message}"
    );
}

#[test]
fn a_component_that_imports_something_else_is_refused_by_name() {
    let component = wat::parse_str(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#).unwrap();
    let error = refusal(&runtime(), &component);
    assert_eq!(
        error,
        LoadError::ForbiddenImport {
            import: "wasi:cli/environment@0.2.0".into()
        }
    );
}

#[test]
fn another_world_is_refused_with_what_is_missing() {
    let error = refusal(&runtime(), &module("wrong_world", "policy"));
    assert!(
        matches!(&error, LoadError::WrongWorld { reason, .. } if reason.contains("`admit`")),
        "{error}"
    );
}

#[test]
fn a_module_that_was_built_for_no_world_is_refused() {
    let bare = wat::parse_str("(module)").unwrap();
    let error = refusal(&runtime(), &bare);
    assert!(
        matches!(&error, LoadError::WrongWorld { reason, .. } if reason.contains("`configure`")),
        "{error}"
    );
}

#[test]
fn what_is_not_wasm_is_refused() {
    let runtime = runtime();
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\x7fELF\x02\x01\x01\0",
        b"(module)",
        "(component)".as_bytes(),
    ] {
        assert_eq!(refusal(&runtime, bytes), LoadError::NotWasm, "{bytes:?}");
    }
}

#[test]
fn a_broken_module_is_refused() {
    let mut bytes = module("good", "routing");
    bytes.truncate(60);
    let error = refusal(&runtime(), &bytes);
    assert!(matches!(error, LoadError::Malformed { .. }), "{error}");
}

#[test]
fn a_module_that_is_too_large_is_refused() {
    let good = module("good", "routing");
    let small = Bounds {
        module_bytes: good.len() - 1,
        ..Bounds::default()
    };
    let runtime = Runtime::new(&Options {
        worlds: [("routing".to_owned(), small)].into(),
        ..Options::default()
    })
    .unwrap();
    let error = runtime.load::<Routing>(&good).err().unwrap();
    assert_eq!(
        error,
        LoadError::TooLarge {
            size: good.len(),
            bound: good.len() - 1
        }
    );
}

#[test]
fn a_module_that_would_keep_the_compiler_busy_is_refused_by_its_shape() {
    let many = |what: &str, times: usize| what.repeat(times);
    let locals = format!("(func (local {}))", many("i32 ", 40_000));
    let parameters = format!("(type (func (param {})))", many("i32 ", 65));
    let nested = format!("(core module {})", many("(func)", 30_000));
    let long = format!("(func {})", many("i32.const 1 drop ", 200_000));
    let bombs = [
        (format!("(module {})", many("(func)", 40_001)), "functions"),
        (format!("(component {nested} {nested})"), "functions"),
        (format!("(module {long})"), "bytes in one function"),
        (format!("(module {locals})"), "locals and parameters in one function"),
        (
            format!(
                "(module {})",
                many(&format!("(func (local {}))", many("i64 ", 10_000)), 101)
            ),
            "locals and parameters in all functions",
        ),
        (format!("(module {parameters})"), "parameters of one function type"),
        (
            "(module (type (func (result i32 i32 i32 i32 i32))))".to_owned(),
            "results of one function type",
        ),
        (format!("(module {})", many("(type (func))", 10_001)), "types"),
        (
            format!("(module {})", many("(global i32 (i32.const 0))", 10_001)),
            "globals",
        ),
        (
            format!("(module (memory 1) {})", many("(data \"x\")", 20_001)),
            "data and element segments",
        ),
        (
            format!("(component {})", many("(core module)", 64)),
            "nested modules and components",
        ),
    ];
    let runtime = runtime();
    for (bomb, reason) in bombs {
        let error = refusal(&runtime, &wat::parse_str(bomb).unwrap());
        assert!(
            matches!(error, LoadError::TooComplex { what, .. } if what == reason),
            "{reason}: {error}"
        );
    }
}

/// How long the largest modules take that their shape lets through: run with `--run-ignored only --no-capture`.
#[test]
#[ignore = "takes minutes, and is run for what it prints"]
#[allow(clippy::print_stdout, reason = "a measurement is run for what it prints")]
fn the_worst_modules_that_are_compiled() {
    let add = "local.get 0 i32.const 1234567 i32.add local.set 0 ";
    let branches = "local.get 0 if local.get 0 i32.const 77 i32.mul local.set 0 end ";
    let worst = [
        (
            "a function of 500 KiB",
            format!("(func (param i32) {})", add.repeat(48_000)),
            1,
        ),
        (
            "a function of 500 KiB that branches",
            format!("(func (param i32) {})", branches.repeat(40_000)),
            1,
        ),
        (
            "1,000,000 locals",
            format!("(func (local {}))", "i64 ".repeat(19_000)),
            50,
        ),
        (
            "38,000 functions of 400 bytes",
            format!("(func (param i32) {})", add.repeat(40)),
            38_000,
        ),
    ];
    for (what, function, times) in worst {
        let bytes = wat::parse_str(format!("(module {})", function.repeat(times))).unwrap();
        let runtime = runtime();
        let began = cpu_time();
        let error = runtime.load::<Routing>(&bytes).err().unwrap();
        println!(
            "{what}: {} KiB, {:?} ({error})",
            bytes.len() >> 10,
            cpu_time().saturating_sub(began)
        );
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default()
    );
}
