//! The list of worlds, and what a host has for each before anybody gives it a file.

use std::any::Any;

use turnout_runtime::{Description, Divergence, DualWrite, Failures, Routing, SafeCleanup, World};

use crate::broken::{BreakerLimits, Broken};
use crate::files::{File, Files, Origin};
use crate::loader::Loader;
use crate::{Differences, PerWorld, Refused, Shipped, Version};

/// The policy that decides in a world for which nobody has given a file.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The module.
    pub module: &'static [u8],
    /// Its settings: TOML, with a comment on each.
    pub settings: &'static str,
}

/// The files of a policy that is built into the program.
macro_rules! built_in {
    ($world:literal) => {
        BuiltIn {
            module: include_bytes!(concat!("built_in/", $world, ".wasm")),
            settings: include_str!(concat!("built_in/", $world, ".toml")),
        }
    };
}

/// The world that bears authority: who is written and who is read.
const ROUTING: BuiltIn = built_in!("routing");

/// The world that says how writes reach the other side.
const DUAL_WRITE: BuiltIn = built_in!("dual-write");

/// The worlds that only advise, one line each: `Advisory::new::<World>(built_in!("world"))`. A change of theirs comes into
/// force without a handoff.
const ADVISORY: &[Advisory] = &[
    Advisory::new::<Divergence>(built_in!("divergence")),
    Advisory::new::<SafeCleanup>(built_in!("safe-cleanup")),
];

/// The worlds of a host: `routing` and `dual-write`, which decide what is written where, and those that only advise.
#[derive(Clone)]
pub struct Worlds {
    advisory: Vec<Advisory>,
}

impl Default for Worlds {
    fn default() -> Self {
        Self {
            advisory: ADVISORY.to_vec(),
        }
    }
}

impl Worlds {
    /// These worlds and another one that only advises.
    #[must_use]
    pub fn with<W: World>(mut self, built_in: BuiltIn) -> Self {
        self.advisory.push(Advisory::new::<W>(built_in));
        self
    }

    /// Those that only advise.
    pub(crate) fn advisory(&self) -> impl Iterator<Item = &Advisory> {
        self.advisory.iter()
    }

    /// The name of each world.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [Routing::NAME, DualWrite::NAME]
            .into_iter()
            .chain(self.advisory().map(|world| world.name))
    }

    /// The policy of each world that is built into the program.
    #[must_use]
    pub fn built_in(&self) -> PerWorld<Files> {
        let advisory = self.advisory().map(|world| (world.name, world.built_in)).collect();
        PerWorld::new(ROUTING, DUAL_WRITE, advisory).map(|world, built_in| built_in.files(world))
    }
}

impl BuiltIn {
    fn files(&self, world: &str) -> Files {
        Files {
            module: File::new(format!("built-in {world}.wasm"), self.module.to_vec()),
            settings: File::new(format!("built-in {world}.toml"), self.settings.into()),
            trial: None,
            by: Origin {
                who: String::new(),
                from: Origin::BUILT_IN.into(),
            },
        }
    }
}

/// A world that only advises: nothing it says moves authority or touches the way of a write.
#[derive(Clone)]
pub(crate) struct Advisory {
    pub(crate) name: &'static str,
    built_in: BuiltIn,
    pub(crate) load: Load,
    pub(crate) describe: fn(&Loader, &[u8]) -> Option<Description>,
}

/// Makes a policy of files; what is compiled before is used again.
type Load = fn(&Loader, &Files, Option<(&dyn Loaded, &Files)>) -> Result<(Box<dyn Loaded>, Version), Refused>;

impl Advisory {
    pub(crate) const fn new<W: World>(built_in: BuiltIn) -> Self {
        Self {
            name: W::NAME,
            built_in,
            load: load::<W>,
            describe: Loader::describe_as::<W>,
        }
    }
}

fn load<W: World>(
    loader: &Loader,
    files: &Files,
    before: Option<(&dyn Loaded, &Files)>,
) -> Result<(Box<dyn Loaded>, Version), Refused> {
    let before = before.and_then(|(loaded, files)| Some((loaded.as_any().downcast_ref()?, files)));
    let (shipped, version) = loader.shipped::<W>(files, before)?;
    for (policy, module) in shipped.all().zip(files.modules()) {
        for repository in &*loader.repositories {
            W::examine(policy, repository.id).map_err(|error| module.refused(&error))?;
        }
    }
    Ok((Box::new(shipped), version))
}

/// A policy of any world, as far as all are alike.
pub(crate) trait Loaded: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;

    /// How many of its instances failed.
    fn failures(&self) -> Failures;

    /// Where the version in the shadow differs.
    fn differences(&self) -> Differences;

    /// Those of its versions that fail more than a breaker allows.
    fn broken(&self, files: &Files, limits: BreakerLimits) -> Vec<Broken>;
}

impl<W: World> Loaded for Shipped<W> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn failures(&self) -> Failures {
        self.all().map(turnout_runtime::Policy::failures).sum()
    }

    fn differences(&self) -> Differences {
        Self::differences(self)
    }

    fn broken(&self, files: &Files, limits: BreakerLimits) -> Vec<Broken> {
        let both = self.all().zip(files.modules());
        let broken = both.filter_map(move |(policy, module)| {
            let mut failing = policy.failing().into_iter();
            let failing = failing.find(|failing| limits.are_exceeded_by(failing))?;
            Some(Broken {
                world: W::NAME,
                module: module.digest.clone(),
                failing,
            })
        });
        broken.collect()
    }
}
