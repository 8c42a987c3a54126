use serde::{Deserialize, Serialize};
use turnout_runtime::{DualWrite, Failures, Routing, World};
use turnout_vocabulary::{Backend, PerBackend, RepositoryId, Span, Subject};

use crate::broken::{BreakerLimits, Broken};
use crate::mirroring::Mirroring;
use crate::second::SecondOpinion;
use crate::worlds::Loaded;
use crate::{Differences, Files, OnTrial, PerWorld, Shipped};

/// The policies that decide together.
pub struct PolicySet {
    /// Who is written and who is read.
    pub routing: Shipped<Routing>,
    /// How writes reach the other side, and who hears of it.
    pub dual_write: Shipped<DualWrite>,
    /// What they are, for people.
    pub versions: PerWorld<Version>,
    /// What they are made of.
    pub files: PerWorld<Files>,
    pub(crate) advisory: Vec<(&'static str, Box<dyn Loaded>)>,
    pub(crate) spans: Box<[Span]>,
    pub(crate) mirroring: Mirroring,
    /// On the stable routing policy, and on the one on trial.
    pub(crate) second_opinions: [SecondOpinion; 2],
}

impl PolicySet {
    /// The backends that can be the authority of a repository's rows.
    #[must_use]
    pub fn span(&self, repository: RepositoryId) -> Span {
        self.spans[usize::from(repository.0)]
    }

    /// Whether a second instance of the routing policy names the same authority, if it is asked: only a sample of writes has
    /// it asked. If it does not, the breaker hears of it.
    pub fn is_confirmed(&self, repository: RepositoryId, subject: Option<&Subject>, authority: Backend) -> bool {
        let [stable, trial] = &self.second_opinions;
        let second = if self.routing.trial_for(subject).is_some() {
            trial
        } else {
            stable
        };
        let policy = self.routing.of(subject);
        let agrees = second.agrees(policy, repository, subject, authority);
        if !agrees {
            policy.note_contradiction("authority");
        }
        agrees
    }

    /// Whether the dual-write policy mirrors the rows of a subject in a repository, by their authority.
    pub fn mirrors(&self, repository: RepositoryId, subject: Option<&Subject>) -> PerBackend<bool> {
        self.mirroring
            .of(repository, self.dual_write.trial_for(subject).is_some())
    }

    /// Whether the rows of every subject have the same authority under another set, and are mirrored under both or under
    /// neither: that is known without asking about any subject.
    pub fn decides_as(&self, other: &Self) -> bool {
        self.routing.decides_as(&other.routing) && self.mirroring.is_same_as(&other.mirroring)
    }

    /// Whether all that it has otherwise than another set are worlds that only advise.
    #[must_use]
    pub fn only_advises_otherwise_than(&self, other: &Self) -> bool {
        let (own, other) = (&self.files, &other.files);
        own.routing == other.routing && own.dual_write == other.dual_write && own != other
    }

    /// The same of all repositories, in the order of their numbers.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans.iter().copied()
    }

    /// Whether it is made of these files.
    pub fn is_of(&self, files: &PerWorld<Files>) -> bool {
        self.files == *files
    }

    /// Whether all that these files change is what is on trial.
    pub fn has_other_trials_than(&self, files: &PerWorld<Files>) -> bool {
        let mut pairs = self.files.iter().zip(files.iter());
        !self.is_of(files) && pairs.all(|((_, own), (_, other))| own.stable() == other.stable())
    }

    /// What is on trial, with the differences that it was found to make in the shadow.
    #[must_use]
    pub fn trials(&self) -> PerWorld<Option<(&OnTrial, Differences)>> {
        self.files.map(|world, files| {
            let trial = files.trial.as_deref()?;
            Some((trial, self.loaded(world)?.differences()))
        })
    }

    /// The policies that fail more than a breaker allows.
    pub fn broken(&self, limits: BreakerLimits) -> impl Iterator<Item = Broken> {
        self.files.iter().flat_map(move |(world, files)| {
            let loaded = self.loaded(world);
            loaded.map(|loaded| loaded.broken(files, limits)).unwrap_or_default()
        })
    }

    /// How many instances of each policy failed.
    pub(crate) fn failures(&self) -> PerWorld<Failures> {
        self.files
            .map(|world, _| self.loaded(world).map(Loaded::failures).unwrap_or_default())
    }

    /// The policy of a world that only advises; `None` if this host has no such world.
    #[must_use]
    pub fn advice<W: World>(&self) -> Option<&Shipped<W>> {
        self.loaded(W::NAME)?.as_any().downcast_ref()
    }

    /// The policy of any world.
    pub(crate) fn loaded(&self, world: &str) -> Option<&dyn Loaded> {
        match world {
            Routing::NAME => Some(&self.routing),
            DualWrite::NAME => Some(&self.dual_write),
            _ => {
                let (_, loaded) = self.advisory.iter().find(|(name, _)| *name == world)?;
                Some(&**loaded)
            }
        }
    }
}

/// What a policy is and where it came from, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its name, as it describes itself.
    pub name: String,
    /// Its version, as it describes itself.
    pub version: String,
    /// The SHA-256 of the module, in hexadecimal.
    pub module: String,
    /// The SHA-256 of the settings file, in hexadecimal.
    pub settings: String,
    /// Whether the module is the one that is built into the program.
    #[serde(default)]
    pub built_in: bool,
}
