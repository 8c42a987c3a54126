use std::path::PathBuf;
use std::time::Duration;

use crate::bounds::Bounds;

/// What a [`Runtime`](crate::Runtime) allows its policies.
#[derive(Clone, Debug)]
pub struct Options {
    /// The size of a module, in bytes, beyond which it is refused.
    pub module_bytes: usize,
    /// The memory, in bytes, that one instance may have. Every thread that calls a policy has an instance of it.
    pub memory_bytes: usize,
    /// The CPU time that one call may take. The time in which the machine does something else does not count.
    pub call_cpu: Duration,
    /// The CPU time that starting an instance and configuring it may take together.
    pub configure_cpu: Duration,
    /// A directory for compiled code, private to this user; it is made if it is not there. `None` compiles every time.
    pub cache: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            module_bytes: 16 << 20,
            memory_bytes: 16 << 20,
            call_cpu: Duration::from_millis(50),
            configure_cpu: Duration::from_millis(100),
            cache: None,
        }
    }
}

impl Options {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            memory_bytes: self.memory_bytes,
            call_cpu: self.call_cpu,
            configure_cpu: self.configure_cpu,
        }
    }
}
