/// Whose module is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The routing policy's.
    Routing,
    /// The dual-write policy's.
    DualWrite,
}

/// How a module gets to the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is put into the directory.
    Directory,
    /// It is sent to the host of this place.
    Api(usize),
}

impl Part {
    /// The name of its world.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::DualWrite => "dual-write",
        }
    }

    /// What `/v1/status` calls it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::DualWrite => "dual_write",
        }
    }

    /// Its module's file in the directory.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Routing => "routing.wasm",
            Self::DualWrite => "dual-write.wasm",
        }
    }
}
