//! What failed instances leave behind: nothing. A process of its own, because it is the process that is measured.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;

use support::{CLIENTS, policy, runtime};

#[test]
fn the_memory_of_failed_instances_returns() {
    let runtime = runtime();
    let policy = policy(&runtime, "eats_memory");
    let resident = || {
        let status = fs::read_to_string("/proc/self/statm").unwrap();
        status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    for _ in 0..50 {
        policy.authority(CLIENTS, None).unwrap_err();
    }
    drop(policy);
    // They touched 800 MiB.
    assert!(resident() < before + (16 << 20), "{before} became {}", resident());
}
