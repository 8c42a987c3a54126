use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use turnout_runtime::{DualWrite, Routing, World};

use crate::Worlds;

/// One value for each world of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerWorld<T> {
    /// The value for the world `routing`.
    pub routing: T,
    /// The value for the world `dual-write`.
    pub dual_write: T,
    /// Those for the worlds that only advise, in the order of their list.
    advisory: Vec<(&'static str, T)>,
}

impl<T> PerWorld<T> {
    pub(crate) fn new(routing: T, dual_write: T, advisory: Vec<(&'static str, T)>) -> Self {
        Self {
            routing,
            dual_write,
            advisory,
        }
    }

    /// The value of `f` for each of these values.
    pub fn map<'s, U>(&'s self, mut f: impl FnMut(&'static str, &'s T) -> U) -> PerWorld<U> {
        PerWorld {
            routing: f(Routing::NAME, &self.routing),
            dual_write: f(DualWrite::NAME, &self.dual_write),
            advisory: self.advisory().map(|(world, value)| (world, f(world, value))).collect(),
        }
    }

    /// The value of `f` for each of these values, or its first error.
    ///
    /// # Errors
    /// Whatever `f` gives.
    pub fn try_map<'s, U, E>(
        &'s self,
        mut f: impl FnMut(&'static str, &'s T) -> Result<U, E>,
    ) -> Result<PerWorld<U>, E> {
        Ok(PerWorld {
            routing: f(Routing::NAME, &self.routing)?,
            dual_write: f(DualWrite::NAME, &self.dual_write)?,
            advisory: self
                .advisory()
                .map(|(world, value)| Ok((world, f(world, value)?)))
                .collect::<Result<_, E>>()?,
        })
    }

    /// The value of the world of that name; `None` if there is no such world.
    pub fn get(&self, world: &str) -> Option<&T> {
        self.iter().find(|(name, _)| *name == world).map(|(_, value)| value)
    }

    /// The same to be changed.
    pub fn get_mut(&mut self, world: &str) -> Option<&mut T> {
        self.iter_mut().find(|(name, _)| *name == world).map(|(_, value)| value)
    }

    /// The name of each world with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        [(Routing::NAME, &self.routing), (DualWrite::NAME, &self.dual_write)]
            .into_iter()
            .chain(self.advisory())
    }

    /// The same to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut T)> {
        [
            (Routing::NAME, &mut self.routing),
            (DualWrite::NAME, &mut self.dual_write),
        ]
        .into_iter()
        .chain(self.advisory.iter_mut().map(|(world, value)| (*world, value)))
    }

    /// Those of the worlds that only advise.
    pub(crate) fn advisory(&self) -> impl Iterator<Item = (&'static str, &T)> {
        self.advisory.iter().map(|(world, value)| (*world, value))
    }
}

impl<T> IntoIterator for PerWorld<T> {
    type Item = (&'static str, T);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let mut worlds = vec![(Routing::NAME, self.routing), (DualWrite::NAME, self.dual_write)];
        worlds.extend(self.advisory);
        worlds.into_iter()
    }
}

/// What a world is called where a name may hold no `-`: in JSON.
#[must_use]
pub fn key(world: &str) -> String {
    world.replace('-', "_")
}

impl<T: Serialize> Serialize for PerWorld<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(world, value)| (key(world), value)))
    }
}

/// Reads the worlds of this version; what else is there is passed over.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerWorld<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Worlded(PhantomData))
    }
}

struct Worlded<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Worlded<T> {
    type Value = PerWorld<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value for each world")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let worlds = Worlds::default();
        let mut found = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match worlds.names().find(|world| key(world) == name) {
                Some(world) => found.push((world, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let mut take = |world| {
            let place = found.iter().position(|(name, _)| *name == world);
            place
                .map(|place| found.swap_remove(place).1)
                .ok_or_else(|| A::Error::missing_field(world))
        };
        let (routing, dual_write) = (take(Routing::NAME)?, take(DualWrite::NAME)?);
        let advisory = worlds
            .names()
            .skip(2)
            .filter_map(|world| Some((world, take(world).ok()?)));
        let advisory = advisory.collect();
        Ok(PerWorld::new(routing, dual_write, advisory))
    }
}
