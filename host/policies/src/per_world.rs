use serde::{Deserialize, Serialize};
use turnout_runtime::{DualWrite, Routing, World};

/// One value for each world whose policies are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerWorld<T> {
    /// The value for the world `routing`.
    pub routing: T,
    /// The value for the world `dual-write`.
    pub dual_write: T,
}

impl<T> PerWorld<T> {
    /// The value of `f` for the name of each world.
    pub fn from_fn(mut f: impl FnMut(&'static str) -> T) -> Self {
        Self {
            routing: f(Routing::NAME),
            dual_write: f(DualWrite::NAME),
        }
    }

    /// The value of `f` for the name of each world, or its first error.
    ///
    /// # Errors
    /// Whatever `f` gives.
    pub fn try_from_fn<E>(mut f: impl FnMut(&'static str) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            routing: f(Routing::NAME)?,
            dual_write: f(DualWrite::NAME)?,
        })
    }

    /// The value of the world of that name; `None` if there is no such world.
    pub fn get(&self, world: &str) -> Option<&T> {
        self.iter().find(|(name, _)| *name == world).map(|(_, value)| value)
    }

    /// The same to be changed.
    pub fn get_mut(&mut self, world: &str) -> Option<&mut T> {
        match world {
            Routing::NAME => Some(&mut self.routing),
            DualWrite::NAME => Some(&mut self.dual_write),
            _ => None,
        }
    }

    /// The name of each world with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        [(Routing::NAME, &self.routing), (DualWrite::NAME, &self.dual_write)].into_iter()
    }
}
