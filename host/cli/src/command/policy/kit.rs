//! What the kit has for each world: a room each, and the list of them. All other files here are the same for every world.

mod divergence;
mod dual_write;
mod question;
mod routing;
mod safe_cleanup;
mod template;

use anyhow::{Result, bail};
use serde_json::Value;
use turnout_pipeline::Decided;
use turnout_runtime::{
    CallError, ConfigureError, Description, Divergence, DualWrite, Failure, LoadError, Module, Policy, Routing,
    Runtime, SafeCleanup, World,
};
use turnout_vocabulary::{Action, Backend, Repository, RepositoryId, Subject};

pub(super) use question::Question;
pub(super) use template::{Language, Template};

/// The worlds, one line each.
pub(super) const ROOMS: [Room; 4] = [
    Room::of::<Routing>(),
    Room::of::<DualWrite>(),
    Room::of::<Divergence>(),
    Room::of::<SafeCleanup>(),
];

/// What the kit has for one world. What a world leaves out, its policies can be built, checked and shipped without.
pub(super) trait Kit: World {
    /// What its policies decide, for whoever begins one.
    const PURPOSE: &'static str;

    /// The keys of a case that say what is asked.
    const INPUTS: &'static [&'static str] = &[];

    /// What a new policy is made of.
    fn template(language: Language) -> Result<Template> {
        no_template(Self::NAME, language)
    }

    /// What a function of a policy decides on what a case asks, as the data that cases are written in.
    fn decide(_policy: &Policy<Self>, function: &str, _question: &Question<'_>) -> Result<Result<Value, CallError>> {
        bail!("cases can't ask a policy of the world {} for `{function}`", Self::NAME)
    }

    /// What a policy decides on a recorded operation.
    fn decide_again(_policy: &Policy<Self>, _recorded: Recorded, _subject: Option<&Subject>) -> Decided {
        Decided::default()
    }

    /// Each function of a policy, with a call of it that can be timed.
    fn calls<'p>(_policy: &'p Policy<Self>, _target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        Vec::new()
    }
}

fn no_template(world: &str, language: Language) -> Result<Template> {
    bail!(
        "there is no template of the world {world} in {language}; `turnout policy wit` writes what such a policy exports"
    )
}

/// A recorded operation without its subject.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Recorded {
    pub(super) action: Action,
    pub(super) repository: RepositoryId,
    /// The backend that was written then.
    pub(super) authority: Backend,
}

/// What calls that are timed are about.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) repository: RepositoryId,
    pub(super) subject: Option<&'t Subject>,
}

/// A call of a policy whose answer is of no interest.
pub(super) type Call<'p> = Box<dyn Fn() -> Result<(), CallError> + 'p>;

/// Makes a call of one that answers.
fn call<'p, T>(ask: impl Fn() -> Result<T, CallError> + 'p) -> Call<'p> {
    Box::new(move || ask().map(drop))
}

/// The room of a world, as far as all are alike.
pub(super) struct Room {
    pub(super) world: &'static str,
    pub(super) purpose: &'static str,
    pub(super) inputs: &'static [&'static str],
    pub(super) template: fn(Language) -> Result<Template>,
    pub(super) load: Load,
}

/// Makes a module of bytes.
type Load = fn(&Runtime, &[u8]) -> Result<Box<dyn KitModule>, LoadError>;

impl Room {
    const fn of<W: Kit>() -> Self {
        Self {
            world: W::NAME,
            purpose: W::PURPOSE,
            inputs: W::INPUTS,
            template: W::template,
            load: |runtime, bytes| Ok(Box::new(runtime.load::<W>(bytes)?)),
        }
    }
}

/// A module of any world.
pub(super) trait KitModule {
    /// The name of its world.
    fn world(&self) -> &'static str;

    /// How many bytes its settings may have.
    fn settings_bytes(&self) -> usize;

    /// Waits until its code is as fast as it gets.
    fn wait_until_optimised(&self);

    /// What it says about itself.
    fn describe(&self) -> Result<Description, Failure>;

    /// What it imports.
    fn imports(&self) -> Vec<String>;

    /// Gives it settings, as JSON.
    fn configure(&self, settings: &str, repositories: &[Repository]) -> Result<Box<dyn KitPolicy>, ConfigureError>;
}

impl<W: Kit> KitModule for Module<W> {
    fn world(&self) -> &'static str {
        W::NAME
    }

    fn settings_bytes(&self) -> usize {
        self.bounds().settings_bytes
    }

    fn wait_until_optimised(&self) {
        self.wait_until_optimised();
    }

    fn describe(&self) -> Result<Description, Failure> {
        self.describe()
    }

    fn imports(&self) -> Vec<String> {
        self.imports()
    }

    fn configure(&self, settings: &str, repositories: &[Repository]) -> Result<Box<dyn KitPolicy>, ConfigureError> {
        Ok(Box::new(Policy::configure(self, settings, repositories)?))
    }
}

/// A configured policy of any world. Its functions are those of [`Kit`].
pub(super) trait KitPolicy {
    fn decide(&self, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>>;

    fn decide_again(&self, recorded: Recorded, subject: Option<&Subject>) -> Decided;

    fn calls<'p>(&'p self, target: Target<'p>) -> Vec<(&'static str, Call<'p>)>;
}

impl<W: Kit> KitPolicy for Policy<W> {
    fn decide(&self, function: &str, question: &Question<'_>) -> Result<Result<Value, CallError>> {
        W::decide(self, function, question)
    }

    fn decide_again(&self, recorded: Recorded, subject: Option<&Subject>) -> Decided {
        W::decide_again(self, recorded, subject)
    }

    fn calls<'p>(&'p self, target: Target<'p>) -> Vec<(&'static str, Call<'p>)> {
        W::calls(self, target)
    }
}

#[cfg(test)]
mod tests {
    use turnout_policies::Worlds;

    use super::ROOMS;

    #[test]
    fn every_world_of_a_host_has_a_room() {
        let rooms: Vec<_> = ROOMS.iter().map(|room| room.world).collect();
        assert_eq!(rooms, Worlds::default().names().collect::<Vec<_>>());
    }
}
