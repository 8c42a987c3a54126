use serde::{Deserialize, Serialize};
use turnout_runtime::{DualWritePolicy, RoutingPolicy};
use turnout_vocabulary::{RepositoryId, Span};

use super::{Files, PerWorld};

/// The policies that decide together.
pub struct PolicySet {
    /// Who is written and who is read.
    pub routing: RoutingPolicy,
    /// How writes reach the other side, and who hears of it.
    pub dual_write: DualWritePolicy,
    /// What they are, for people.
    pub versions: PerWorld<Version>,
    /// What they are made of.
    pub files: PerWorld<Files>,
    pub(super) spans: Box<[Span]>,
}

impl PolicySet {
    /// The backends that can be the authority of a repository's rows.
    #[must_use]
    pub fn span(&self, repository: RepositoryId) -> Span {
        self.spans[usize::from(repository.0)]
    }

    /// The same of all repositories, in the order of their numbers.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans.iter().copied()
    }

    /// Whether it is made of these files.
    pub(crate) fn is_of(&self, files: &PerWorld<Files>) -> bool {
        let mut pairs = self.versions.iter().zip(files.iter());
        pairs.all(|((_, version), (_, files))| {
            version.module == files.module.digest && version.settings == files.settings.digest
        })
    }

    /// How many instances of each policy failed.
    pub(super) fn failures(&self) -> PerWorld<u64> {
        PerWorld {
            routing: self.routing.failures(),
            dual_write: self.dual_write.failures(),
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
