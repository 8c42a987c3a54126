use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use turnout_runtime::{
    ConfigureError, Description, Document, DualWrite, LoadError, Module, Policy, Routing, Runtime, World,
};
use turnout_vocabulary::{Repository, Span, SubjectRule};

use crate::files::{File, Files};
use crate::mirroring::Mirroring;
use crate::source::FileBounds;
use crate::trial::{Shipped, Trial, either};
use crate::{PerWorld, PolicyMetrics, PolicySet, Refused, TrustedKeys, Version, Worlds, examine};

/// What the policies of a set must meet before it may come into force.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The keys that modules must be signed with.
    pub trusted_keys: TrustedKeys,
    /// The CPU time that the policies may take to answer for all subjects.
    pub exam_budget: Duration,
}

/// Makes policy sets out of files. It puts none in force.
pub(crate) struct Loader {
    pub(crate) runtime: Runtime,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    pub(crate) acceptance: Acceptance,
    pub(crate) worlds: Worlds,
    pub(crate) built_in: PerWorld<Files>,
    pub(crate) metrics: Arc<PolicyMetrics>,
}

impl Loader {
    /// How large the files may be that it takes.
    pub(crate) fn file_bounds(&self) -> FileBounds<'_> {
        FileBounds {
            bounds: self.built_in.map(|world, _| self.runtime.bounds(world)),
            metrics: &self.metrics,
        }
    }

    /// Compiles, configures and questions the policies of these files. What is compiled `before` is used again.
    pub(crate) fn set(&self, files: &PerWorld<Files>, before: Option<&PolicySet>) -> Result<PolicySet, Refused> {
        // To compile is most of it, and the worlds have nothing to do with each other.
        let (routing, dual_write) = thread::scope(|scope| {
            let dual_write = scope.spawn(|| {
                let compiled = before.map(|set| (&set.dual_write, &set.files.dual_write));
                self.shipped(&files.dual_write, compiled)
            });
            let compiled = before.map(|set| (&set.routing, &set.files.routing));
            let routing = self.shipped(&files.routing, compiled);
            (routing, dual_write.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let ((routing, routing_version), (dual_write, dual_write_version)) = (routing?, dual_write?);
        let mut advisory = Vec::new();
        let mut advisory_versions = Vec::new();
        for world in self.worlds.advisory() {
            let Some(files) = files.get(world.name).or(self.built_in.get(world.name)) else {
                continue;
            };
            let compiled = before.and_then(|set| Some((set.loaded(world.name)?, set.files.get(world.name)?)));
            let (loaded, version) = (world.load)(self, files, compiled)?;
            advisory.push((world.name, loaded));
            advisory_versions.push((world.name, version));
        }

        let mut spans: Option<Box<[Span]>> = None;
        for (policy, file) in routing.all().zip(files.routing.modules()) {
            let own = examine::routing(policy, &self.repositories, &self.rule, self.acceptance.exam_budget)
                .map_err(|error| file.refused(&error))?;
            spans = Some(match spans {
                Some(spans) => spans
                    .iter()
                    .zip(&own)
                    .map(|(one, other)| either(*one, *other))
                    .collect(),
                None => own,
            });
        }
        let mirrors =
            |policy, file: &File| examine::dual_write(policy, &self.repositories).map_err(|error| file.refused(&error));
        let stable = mirrors(&dual_write.stable, &files.dual_write.module)?;
        let on_trial = dual_write.trial.as_ref().zip(files.dual_write.trial.as_ref());
        let trial = on_trial.map(|(trial, files)| mirrors(&trial.policy, &files.module));
        let mirroring = Mirroring::new(stable, trial.transpose()?);
        Ok(PolicySet {
            routing,
            dual_write,
            advisory,
            versions: PerWorld::new(routing_version, dual_write_version, advisory_versions),
            files: files.clone(),
            spans: spans.unwrap_or_default(),
            mirroring,
            second_opinions: Default::default(),
        })
    }

    /// What a module of a world says about itself.
    pub(crate) fn describe(&self, world: &str, module: &[u8]) -> Option<Description> {
        match world {
            Routing::NAME => self.describe_as::<Routing>(module),
            DualWrite::NAME => self.describe_as::<DualWrite>(module),
            _ => {
                let mut advisory = self.worlds.advisory();
                (advisory.find(|advisory| advisory.name == world)?.describe)(self, module)
            }
        }
    }

    /// The same of a world that is known.
    pub(crate) fn describe_as<W: World>(&self, module: &[u8]) -> Option<Description> {
        self.runtime.load::<W>(module).ok()?.describe().ok()
    }

    /// A policy, and the version of it on trial.
    pub(crate) fn shipped<W: World>(
        &self,
        files: &Files,
        before: Option<(&Shipped<W>, &Files)>,
    ) -> Result<(Shipped<W>, Version), Refused> {
        let compiled: Vec<_> = before
            .into_iter()
            .flat_map(|(shipped, files)| shipped.all().map(Policy::module).zip(files.modules()))
            .collect();
        let (stable, version) = self.policy(&files.module, &files.settings, &compiled)?;
        let trial = match &files.trial {
            Some(trial) => {
                let (policy, _) = self.policy(&trial.module, &trial.settings, &compiled)?;
                Some(Trial::new(
                    policy,
                    trial.scope.clone(),
                    self.metrics.differences(W::NAME),
                ))
            }
            None => None,
        };
        Ok((Shipped { stable, trial }, version))
    }

    fn policy<W: World>(
        &self,
        file: &File,
        settings: &File,
        compiled: &[(&Module<W>, &File)],
    ) -> Result<(Policy<W>, Version), Refused> {
        let built_in = self.built_in.get(W::NAME).is_some_and(|files| files.module == *file);
        // What is built in is as trustworthy as the program itself.
        if !built_in {
            self.acceptance.trusted_keys.check(file)?;
        }
        let module = match compiled.iter().find(|(_, compiled)| *compiled == file) {
            Some((module, _)) => (*module).clone(),
            None => self.runtime.load(&file.content).map_err(|error| {
                if matches!(error, LoadError::TooLarge { .. } | LoadError::TooComplex { .. }) {
                    self.metrics.too_large(W::NAME).inc();
                }
                file.refused(&error)
            })?,
        };
        let Description {
            name,
            version,
            settings_schema,
        } = module.describe().map_err(|error| file.refused(&error))?;
        let document = Document::parse(settings.text()?, module.bounds().settings_bytes)
            .map_err(|mistake| settings.refused_for(mistake))?;
        let json = document
            .to_json(&settings_schema, &self.rule)
            .map_err(|mistake| settings.refused_for(mistake))?;
        let policy = Policy::configure(&module, &json, &self.repositories).map_err(|error| match error {
            ConfigureError::Settings { pointer, reason } => {
                settings.refused_for(document.mistake_at(&pointer, &reason))
            }
            failed => file.refused(&failed),
        })?;
        let version = Version {
            name,
            version,
            module: file.digest.clone(),
            settings: settings.digest.clone(),
            built_in,
        };
        Ok((policy, version))
    }
}
