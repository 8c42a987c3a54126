//! Stops a policy that takes too much time, memory or table space.

mod count;
mod cpu;
mod memory;

use std::time::Duration;

pub use count::Failures;
pub(crate) use cpu::CpuBound;
pub(crate) use memory::MemoryBound;

use crate::presentable::{REASON_BYTES, presentable};

/// What the policy of a world may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The size of a module, in bytes, beyond which it is refused.
    pub module_bytes: usize,
    /// The memory, in bytes, that one instance may have. Every thread that calls a policy has an instance of it.
    pub memory_bytes: usize,
    /// The entries that all tables of one instance may have together.
    pub table_entries: usize,
    /// The CPU time that one call may take. The time in which the machine does something else does not count.
    pub call_cpu: Duration,
    /// The CPU time that starting an instance and configuring it may take together.
    pub configure_cpu: Duration,
    /// The size of a settings file, in bytes, beyond which it is refused.
    pub settings_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            module_bytes: 16 << 20,
            memory_bytes: 16 << 20,
            // The table of a policy in Rust has some hundreds of entries.
            table_entries: 64 << 10,
            call_cpu: Duration::from_millis(50),
            configure_cpu: Duration::from_millis(100),
            settings_bytes: 256 << 10,
        }
    }
}

/// How a policy failed. The instance that failed is gone; the next call gets a fresh one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The policy used more CPU time than a call may.
    #[error("it was stopped after {} ms of CPU time; a policy must answer faster", bound.as_millis())]
    OutOfTime {
        /// The time that the call had.
        bound: Duration,
    },
    /// The policy asked for more memory than an instance may have.
    #[error("it asked for more than {bound} bytes of memory; raise the bound or make the policy smaller")]
    OutOfMemory {
        /// The memory that an instance may have, in bytes.
        bound: usize,
    },
    /// The policy asked for more entries in its tables than an instance may have.
    #[error("it asked for more than {bound} entries in its tables; raise the bound or make the policy smaller")]
    OutOfTable {
        /// The entries that an instance may have.
        bound: usize,
    },
    /// The policy trapped, or broke the rules of its world.
    #[error("it trapped ({reason}); mend the policy, or put the one before it back")]
    Trapped {
        /// What the engine said.
        reason: String,
    },
    /// The schema of the policy's settings is no JSON Schema object, or too large.
    #[error("the schema of its settings {reason}; describe the settings by a JSON Schema object")]
    BadSchema {
        /// What is wrong with the schema.
        reason: String,
    },
    /// A fresh instance refused the settings that an earlier instance had taken.
    #[error("it refused settings that it had accepted before; a policy must treat the same settings the same way")]
    Fickle,
}

impl Failure {
    /// What an error of the engine means.
    pub(crate) fn of(error: wasmtime::Error) -> Self {
        error.downcast().unwrap_or_else(|error| Self::Trapped {
            reason: presentable(&error.root_cause().to_string(), REASON_BYTES),
        })
    }
}
