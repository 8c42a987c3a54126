use serde::{Deserialize, Serialize};
use turnout_runtime::{DualWrite, Failures, Policy, Routing, World};
use turnout_vocabulary::{Backend, PerBackend, RepositoryId, Span, Subject};

use crate::broken::{BreakerLimits, Broken};
use crate::mirroring::Mirroring;
use crate::second::SecondOpinion;
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
        let routing = self.files.routing.trial.as_deref();
        let dual_write = self.files.dual_write.trial.as_deref();
        PerWorld {
            routing: routing.map(|trial| (trial, self.routing.differences())),
            dual_write: dual_write.map(|trial| (trial, self.dual_write.differences())),
        }
    }

    /// The policies that fail more than a breaker allows.
    pub fn broken(&self, limits: BreakerLimits) -> impl Iterator<Item = Broken> {
        let routing = broken(&self.routing, &self.files.routing, limits);
        routing.chain(broken(&self.dual_write, &self.files.dual_write, limits))
    }

    /// How many instances of each policy failed.
    pub(crate) fn failures(&self) -> PerWorld<Failures> {
        PerWorld {
            routing: self.routing.all().map(Policy::failures).sum(),
            dual_write: self.dual_write.all().map(Policy::failures).sum(),
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
}

fn broken<W: World>(shipped: &Shipped<W>, files: &Files, limits: BreakerLimits) -> impl Iterator<Item = Broken> {
    let both = shipped.all().zip(files.modules());
    both.filter_map(move |(policy, module)| {
        let mut failing = policy.failing().into_iter();
        let failing = failing.find(|failing| limits.are_exceeded_by(failing))?;
        Some(Broken {
            world: W::NAME,
            module: module.digest.clone(),
            failing,
        })
    })
}
