//! The routing policy: stages and cohorts.
//!
//! `settings` is what the user writes, `stage` says what each stage means, `cohorts` finds the stage of a subject. This file answers the
//! host's questions for every repository.

mod cohorts;
mod settings;
mod stage;

use turnout_policy::routing::{Conditions, ReadPlan, Routing, Span};
use turnout_policy::{Backend, Operation, Repository, RepositoryNumber, SettingsError, Target, check_repositories};

use cohorts::Cohorts;
use settings::Settings;
use stage::Stage;

turnout_policy::export_routing!(Stages, schema = "../settings.schema.json");

/// At which stage every subject of every repository stands.
#[derive(Debug)]
pub struct Stages {
    cohorts: Cohorts,
    /// By repository number.
    repositories: Vec<Standing>,
}

#[derive(Debug)]
struct Standing {
    default: Stage,
    has_subject: bool,
    span: Span,
}

impl Routing for Stages {
    type Settings = Settings;

    fn configure(settings: Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        check_repositories(settings.repositories.keys(), repositories)?;
        let cohorts = Cohorts::new(settings.cohort)?;
        let standing = |repository: &Repository| {
            let own = settings.repositories.get(&repository.name);
            let default = own.unwrap_or(&settings.default).stage;
            let others = cohorts.stages().filter(|_| repository.has_subject);
            Standing {
                default,
                has_subject: repository.has_subject,
                span: span(default, others),
            }
        };
        Ok(Self {
            repositories: repositories.iter().map(standing).collect(),
            cohorts,
        })
    }

    fn authority(&self, target: &Target) -> Backend {
        self.stage(target).authority()
    }

    fn span(&self, repository: RepositoryNumber) -> Span {
        self.repositories[usize::from(repository)].span
    }

    fn mirrored(&self, target: &Target) -> bool {
        self.stage(target).mirrored()
    }

    fn read(&self, operation: &Operation, _: &Conditions) -> ReadPlan {
        self.stage(&operation.target).read_plan()
    }
}

impl Stages {
    fn stage(&self, target: &Target) -> Stage {
        let standing = &self.repositories[usize::from(target.repository)];
        let subject = target.subject.as_deref().filter(|_| standing.has_subject);
        subject
            .and_then(|subject| self.cohorts.stage(subject))
            .unwrap_or(standing.default)
    }
}

/// The authorities at a default stage and others.
fn span(default: Stage, mut others: impl Iterator<Item = Stage>) -> Span {
    match default.authority() {
        authority if others.any(|other| other.authority() != authority) => Span::Both,
        Backend::Old => Span::Old,
        Backend::New => Span::New,
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;

    const TEST_PHONE: &str = "+79686484488";
    const CLIENTS: u16 = 0;
    const SERVICES: u16 = 1;

    fn stages(toml: &str) -> Stages {
        let services = Repository {
            name: "services".into(),
            has_subject: false,
        };
        testing::configure(toml, &["clients".into(), services]).unwrap()
    }

    fn stage(stages: &Stages, repository: u16, subject: Option<&str>) -> Stage {
        stages.stage(&Target {
            repository,
            subject: subject.map(String::from),
        })
    }

    #[test]
    fn a_listed_subject_has_its_own_stage_and_everybody_else_the_default() {
        let stages = stages(
            r#"
            cohort = [{ name = "test phone", subjects = ["+79686484488"], stage = "live" }]
            default.stage = "off"
            repositories.services.stage = "dualwrite"
            "#,
        );
        assert_eq!(stage(&stages, CLIENTS, Some(TEST_PHONE)), Stage::Live);
        assert_eq!(stage(&stages, CLIENTS, Some("+79990000000")), Stage::Off);
        assert_eq!(stage(&stages, CLIENTS, None), Stage::Off);
        assert_eq!(stage(&stages, SERVICES, None), Stage::DualWrite);
        assert_eq!(
            stage(&stages, SERVICES, Some(TEST_PHONE)),
            Stage::DualWrite,
            "its rows belong to no subject"
        );
    }

    #[test]
    fn a_repository_default_holds_for_the_subjects_of_no_cohort() {
        let stages = stages(
            r#"
            cohort = [{ name = "test phone", subjects = ["+79686484488"], stage = "live" }]
            default.stage = "off"
            repositories.clients.stage = "shadow"
            "#,
        );
        assert_eq!(stage(&stages, CLIENTS, Some(TEST_PHONE)), Stage::Live);
        assert_eq!(stage(&stages, CLIENTS, Some("+79990000000")), Stage::Shadow);
        assert_eq!(stage(&stages, SERVICES, None), Stage::Off);
    }

    #[test]
    fn the_span_is_both_only_where_a_subject_can_have_another_authority() {
        for (cohort, default, clients, services) in [
            (
                r#"subjects = ["+79686484488"], stage = "live""#,
                "off",
                Span::Both,
                Span::Old,
            ),
            (
                r#"subjects = ["+79686484488"], stage = "shadow""#,
                "off",
                Span::Old,
                Span::Old,
            ),
            (r#"subjects = [], stage = "live""#, "off", Span::Old, Span::Old),
            (r#"percent = 0, stage = "live""#, "off", Span::Old, Span::Old),
            (r#"percent = 5, stage = "live""#, "off", Span::Both, Span::Old),
            (r#"percent = 5, stage = "live""#, "complete", Span::New, Span::New),
            (r#"percent = 100, stage = "live""#, "off", Span::Both, Span::Old),
        ] {
            let toml = format!("cohort = [{{ name = \"x\", {cohort} }}]\ndefault.stage = \"{default}\"");
            let stages = stages(&toml);
            assert_eq!(
                (stages.span(CLIENTS), stages.span(SERVICES)),
                (clients, services),
                "{toml}"
            );
        }
    }

    #[test]
    fn the_schema_is_that_of_the_settings() {
        testing::check_schema::<Stages>("settings.schema.json");
    }
}
