/// The policy whose module is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The routing policy.
    Routing,
    /// The dual-write policy.
    DualWrite,
}

/// A way to bring a module to the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The module is put into the policy directory.
    Directory,
    /// The module is sent to the host of this place.
    Api(usize),
}

impl Part {
    /// The name of the policy's world.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::DualWrite => "dual-write",
        }
    }

    /// The policy's key in `/v1/status`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::DualWrite => "dual_write",
        }
    }

    /// The name of the module's file in the directory.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Routing => "routing.wasm",
            Self::DualWrite => "dual-write.wasm",
        }
    }
}
