//! Where the system grants no address space for a pool of instances. A limit holds for the process, so this stands alone.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use nix::sys::resource::{Resource, setrlimit};
use support::{CLIENTS, policy, runtime, subject};
use turnout_vocabulary::Backend;

#[test]
fn policies_decide_without_the_address_space_for_a_pool() {
    let few = 64 << 30;
    setrlimit(Resource::RLIMIT_AS, few, few).unwrap();
    let policy = policy(&runtime(), "good");
    assert_eq!(policy.authority(CLIENTS, Some(&subject())), Ok(Backend::New));
}
