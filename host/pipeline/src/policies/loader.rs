use std::sync::Arc;

use turnout_runtime::{ConfigureError, Description, Module, Policy, Runtime, World};
use turnout_vocabulary::{Repository, SubjectRule};

use super::files::Files;
use super::settings::Document;
use super::{PerWorld, PolicySet, Refused, Version, examine};

/// Makes policy sets out of files. It puts none in force.
pub(super) struct Loader {
    pub(super) runtime: Runtime,
    pub(super) repositories: Arc<[Repository]>,
    pub(super) rule: SubjectRule,
}

impl Loader {
    /// Compiles, configures and questions the policies of these files. What is compiled `before` is used again.
    pub(super) fn set(&self, files: &PerWorld<Files>, before: Option<&PolicySet>) -> Result<PolicySet, Refused> {
        let compiled = before.map(|set| (set.routing.module(), &set.versions.routing));
        let (routing, routing_version) = self.policy(&files.routing, compiled)?;
        let compiled = before.map(|set| (set.dual_write.module(), &set.versions.dual_write));
        let (dual_write, dual_write_version) = self.policy(&files.dual_write, compiled)?;

        let spans =
            examine::routing(&routing, &self.repositories).map_err(|error| files.routing.module.refused(&error))?;
        examine::dual_write(&dual_write, &self.repositories)
            .map_err(|error| files.dual_write.module.refused(&error))?;
        Ok(PolicySet {
            routing,
            dual_write,
            versions: PerWorld {
                routing: routing_version,
                dual_write: dual_write_version,
            },
            files: files.clone(),
            spans,
        })
    }

    fn policy<W: World>(
        &self,
        Files { module: file, settings }: &Files,
        compiled: Option<(&Module<W>, &Version)>,
    ) -> Result<(Policy<W>, Version), Refused> {
        let module = match compiled {
            Some((module, version)) if version.module == file.digest => module.clone(),
            _ => self.runtime.load(&file.content).map_err(|error| file.refused(&error))?,
        };
        let Description {
            name,
            version,
            settings_schema,
        } = module.describe().map_err(|error| file.refused(&error))?;
        let document = Document::parse(settings.text()?).map_err(|mistake| settings.refused_for(mistake))?;
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
        };
        Ok((policy, version))
    }
}
