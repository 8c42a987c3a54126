//! The policy set in force: read from a directory, checked beside the running set, swapped whole.

mod settings;
mod source;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use turnout_runtime::{CallError, ConfigureError, Description, RoutingModule, RoutingPolicy, Runtime};
use turnout_vocabulary::{Action, Conditions, Epoch, Health, PerBackend, Repository, RepositoryId, Span, SubjectRule};

pub use source::PolicySource;
pub use watch::{Watching, watch};

use crate::Metrics;

/// The one world whose policies are loaded so far.
const WORLD: &str = "routing";

/// The policies that decide together, under one epoch.
pub struct PolicySet {
    /// Their number.
    pub epoch: Epoch,
    /// Who is written and who is read.
    pub routing: RoutingPolicy,
    /// What they are, for people.
    pub version: Version,
    spans: Box<[Span]>,
}

impl PolicySet {
    /// The backends that can be the authority of a repository's rows.
    #[must_use]
    pub fn span(&self, repository: RepositoryId) -> Span {
        self.spans[usize::from(repository.0)]
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

/// A change that was refused; what was in force stayed in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refused {
    /// The file that is at fault.
    pub file: PathBuf,
    /// The line that is at fault, from 1, where one is.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", self.reason),
            None => write!(f, "{file}: {}", self.reason),
        }
    }
}

/// A set that passed every check, before it has an epoch.
struct Candidate {
    module: RoutingModule,
    routing: RoutingPolicy,
    version: Version,
    spans: Box<[Span]>,
}

/// The policy set in force, and the way to change it.
pub struct Policies {
    source: PolicySource,
    runtime: Runtime,
    repositories: Arc<[Repository]>,
    rule: SubjectRule,
    metrics: Arc<Metrics>,
    in_force: ArcSwap<PolicySet>,
    standing: Mutex<Standing>,
    /// The module in force, compiled. Its lock lets one reload run at a time.
    compiled: Mutex<RoutingModule>,
}

/// How the set in force came about.
#[derive(Clone, Debug)]
pub struct Standing {
    /// When it was put in force.
    pub since: SystemTime,
    /// The change that was refused after it, while it stands in the directory.
    pub refused: Option<Refused>,
    /// How many instances failed of the sets before it.
    failures: u64,
}

impl Standing {
    fn new(failures: u64) -> Self {
        Self {
            since: SystemTime::now(),
            refused: None,
            failures,
        }
    }
}

impl Policies {
    /// Loads the first set.
    ///
    /// # Errors
    /// [`Refused`] if the directory holds no usable set.
    pub fn load(
        source: PolicySource,
        runtime: Runtime,
        repositories: Arc<[Repository]>,
        rule: SubjectRule,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Refused> {
        let Candidate {
            module,
            routing,
            version,
            spans,
        } = candidate(&source, &runtime, None, &repositories, &rule)?;
        let epoch = Epoch::FIRST;
        metrics.epoch(epoch);
        Ok(Self {
            source,
            runtime,
            repositories,
            rule,
            metrics,
            in_force: ArcSwap::from_pointee(PolicySet {
                epoch,
                routing,
                version,
                spans,
            }),
            standing: Mutex::new(Standing::new(0)),
            compiled: Mutex::new(module),
        })
    }

    /// The set that decides the operations which begin now.
    #[must_use]
    pub fn in_force(&self) -> Arc<PolicySet> {
        self.in_force.load_full()
    }

    /// How the set in force came about.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing_now().clone()
    }

    /// How many instances of policies failed since the host began.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.standing_now().failures + self.in_force().routing.failures()
    }

    /// Reads the directory again. A good set that differs from the one in force replaces it, for operations that
    /// begin afterwards; a bad one is reported and changes nothing. Blocks while it compiles.
    ///
    /// # Errors
    /// [`Refused`] if the directory holds no usable set.
    pub fn reload(&self) -> Result<Arc<PolicySet>, Refused> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let candidate = candidate(
            &self.source,
            &self.runtime,
            Some(&compiled),
            &self.repositories,
            &self.rule,
        );
        let in_force = self.in_force();
        match candidate {
            Err(refused) => {
                let before = self.standing_now().refused.replace(refused.clone());
                if before.as_ref() != Some(&refused) {
                    tracing::error!(epoch = %in_force.epoch, %refused, "policies refused; what was in force stays");
                    self.metrics.reload_refused();
                }
                Err(refused)
            }
            Ok(Candidate { version, .. }) if version == in_force.version => {
                self.standing_now().refused = None;
                Ok(in_force)
            }
            Ok(Candidate {
                module,
                routing,
                version,
                spans,
            }) => {
                let epoch = in_force.epoch.next();
                let set = Arc::new(PolicySet {
                    epoch,
                    routing,
                    version,
                    spans,
                });
                let failures = self.failures();
                self.in_force.store(Arc::clone(&set));
                *self.standing_now() = Standing::new(failures);
                *compiled = module;
                self.metrics.reloaded(epoch, began.elapsed());
                tracing::info!(%epoch, module = set.version.module, "policies in force");
                Ok(set)
            }
        }
    }

    fn standing_now(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compiles, configures and questions what the directory holds. A module that is already compiled is used again.
fn candidate(
    source: &PolicySource,
    runtime: &Runtime,
    compiled: Option<&RoutingModule>,
    repositories: &[Repository],
    rule: &SubjectRule,
) -> Result<Candidate, Refused> {
    let files = source.read(WORLD)?;
    let at_module = |reason: &dyn fmt::Display| files.module_refused(reason);
    let module = match compiled {
        Some(module) if module.digest() == files.module_digest => module.clone(),
        _ => runtime.load_routing(&files.module).map_err(|error| at_module(&error))?,
    };
    let Description {
        name,
        version,
        settings_schema,
    } = module.describe().map_err(|error| at_module(&error))?;
    let document = settings::Document::parse(&files.settings).map_err(|mistake| files.settings_refused(mistake))?;
    let json = document
        .to_json(&settings_schema, rule)
        .map_err(|mistake| files.settings_refused(mistake))?;
    let routing = RoutingPolicy::configure(&module, &json, repositories).map_err(|error| match error {
        ConfigureError::Settings { pointer, reason } => files.settings_refused(document.mistake_at(&pointer, &reason)),
        failed => at_module(&failed),
    })?;
    let spans = examine(&routing, repositories).map_err(|error| at_module(&error))?;
    let version = Version {
        name,
        version,
        module: files.module_digest,
        settings: files.settings_digest,
    };
    Ok(Candidate {
        module,
        routing,
        version,
        spans,
    })
}

/// Asks a policy one question of each kind about every repository, so that one which cannot answer is refused before
/// an application meets it.
fn examine(routing: &RoutingPolicy, repositories: &[Repository]) -> Result<Box<[Span]>, CallError> {
    let healthy = Health {
        up: true,
        p95: Duration::ZERO,
    };
    let conditions = Conditions {
        backends: PerBackend::from_fn(|_| healthy),
        mirror_lag: None,
    };
    let answers = repositories.iter().map(|repository| {
        routing.admit(Action::Find, repository.id, None)?;
        routing.read(Action::Find, repository.id, None, &conditions)?;
        routing.authority(repository.id, None)?;
        routing.span(repository.id)
    });
    answers.collect()
}
