use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::bounds::Bounds;

/// What a [`Runtime`](crate::Runtime) allows its policies.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the policy of any world may take.
    pub bounds: Bounds,
    /// Bounds of single worlds, by name, where they are other than `bounds`.
    pub worlds: BTreeMap<String, Bounds>,
    /// A directory for compiled code, private to this user. It is made if it is missing. `None` compiles every time.
    pub cache: Option<PathBuf>,
    /// Whether components may import WASI (preview 2). WASI is an empty world then: no files, sockets, environment or arguments;
    /// a clock that stands still; random numbers that are the same in every call. `exit` is a trap.
    pub wasi: bool,
}

impl Options {
    /// What the policy of a world may take.
    pub(crate) fn of(&self, world: &str) -> Bounds {
        self.worlds.get(world).copied().unwrap_or(self.bounds)
    }
}
