use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The database that the application leaves.
    Old,
    /// The database that the application moves to.
    New,
}

impl Backend {
    /// Both backends, `old` first.
    pub const ALL: [Self; 2] = [Self::Old, Self::New];

    /// The other backend.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    /// The backend's word in settings, headers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerBackend<T> {
    /// The value for [`Backend::Old`].
    pub old: T,
    /// The value for [`Backend::New`].
    pub new: T,
}

impl<T> PerBackend<T> {
    /// The value of `f` for each backend.
    pub fn from_fn(mut f: impl FnMut(Backend) -> T) -> Self {
        Self {
            old: f(Backend::Old),
            new: f(Backend::New),
        }
    }

    /// Applies `f` to both values.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerBackend<U> {
        PerBackend {
            old: f(self.old),
            new: f(self.new),
        }
    }

    /// References to both values.
    pub const fn as_ref(&self) -> PerBackend<&T> {
        PerBackend {
            old: &self.old,
            new: &self.new,
        }
    }

    /// Each backend with its value, `old` first.
    pub fn iter(&self) -> impl Iterator<Item = (Backend, &T)> {
        Backend::ALL.into_iter().map(|backend| (backend, &self[backend]))
    }
}

impl<T> Index<Backend> for PerBackend<T> {
    type Output = T;

    fn index(&self, backend: Backend) -> &T {
        match backend {
            Backend::Old => &self.old,
            Backend::New => &self.new,
        }
    }
}

impl<T> IndexMut<Backend> for PerBackend<T> {
    fn index_mut(&mut self, backend: Backend) -> &mut T {
        match backend {
            Backend::Old => &mut self.old,
            Backend::New => &mut self.new,
        }
    }
}
