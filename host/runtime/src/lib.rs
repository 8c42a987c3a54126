//! Runs WebAssembly policies: bounded in time and memory, reused, discarded on a trap.
