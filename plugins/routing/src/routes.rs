use turnout_settings::{Mistake, check_repositories};

use crate::bindings::{Backend, InvalidSetting, RepositoryInfo, RepositoryNumber, Span, Target};
use crate::cohorts::Cohorts;
use crate::settings::Settings;
use crate::stage::Stage;

/// The settings, brought together with the repositories that they are for.
#[derive(Debug)]
pub(crate) struct Routes {
    cohorts: Cohorts,
    /// By repository number.
    repositories: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    default: Stage,
    has_subject: bool,
    span: Span,
}

impl Routes {
    pub(crate) fn new(settings: Settings, repositories: &[RepositoryInfo]) -> Result<Self, InvalidSetting> {
        let served: Vec<_> = repositories.iter().map(|served| served.name.as_str()).collect();
        check_repositories(settings.repositories.keys(), &served)
            .map_err(|Mistake { pointer, reason }| InvalidSetting { pointer, reason })?;
        let route = |repository: &RepositoryInfo| {
            let default = settings
                .repositories
                .get(&repository.name)
                .copied()
                .unwrap_or(settings.default);
            let span = if repository.has_subject {
                span(default, settings.cohorts.stages())
            } else {
                only(default)
            };
            Route {
                default,
                has_subject: repository.has_subject,
                span,
            }
        };
        Ok(Self {
            repositories: repositories.iter().map(route).collect(),
            cohorts: settings.cohorts,
        })
    }

    /// The stage of a target. Its repository must be one of those that were given.
    pub(crate) fn stage(&self, target: &Target) -> Stage {
        let route = &self.repositories[usize::from(target.repository)];
        let subject = target.subject.as_deref().filter(|_| route.has_subject);
        subject
            .and_then(|subject| self.cohorts.stage(subject))
            .unwrap_or(route.default)
    }

    /// The authorities that targets in a repository can have.
    pub(crate) fn span(&self, repository: RepositoryNumber) -> Span {
        self.repositories[usize::from(repository)].span
    }
}

fn span(default: Stage, mut others: impl Iterator<Item = Stage>) -> Span {
    if others.all(|other| other.authority() == default.authority()) {
        only(default)
    } else {
        Span::Both
    }
}

fn only(stage: Stage) -> Span {
    match stage.authority() {
        Backend::Old => Span::Old,
        Backend::New => Span::New,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    const TEST_PHONE: &str = "+79686484488";
    const CLIENTS: u16 = 0;
    const SERVICES: u16 = 1;

    fn routes(json: &str) -> Result<Routes, InvalidSetting> {
        let info = |name: &str, has_subject| RepositoryInfo {
            name: name.into(),
            has_subject,
        };
        Routes::new(
            settings::parse(json).unwrap(),
            &[info("clients", true), info("services", false)],
        )
    }

    fn stage(routes: &Routes, repository: u16, subject: Option<&str>) -> Stage {
        routes.stage(&Target {
            repository,
            subject: subject.map(String::from),
        })
    }

    #[test]
    fn a_listed_subject_has_its_own_stage_and_everybody_else_the_default() {
        let routes = routes(
            r#"{"cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"}],
                "default": {"stage": "off"}, "repositories": {"services": {"stage": "dualwrite"}}}"#,
        )
        .unwrap();
        assert_eq!(stage(&routes, CLIENTS, Some(TEST_PHONE)), Stage::Live);
        assert_eq!(stage(&routes, CLIENTS, Some("+79990000000")), Stage::Off);
        assert_eq!(stage(&routes, CLIENTS, None), Stage::Off);
        assert_eq!(stage(&routes, SERVICES, None), Stage::DualWrite);
        assert_eq!(
            stage(&routes, SERVICES, Some(TEST_PHONE)),
            Stage::DualWrite,
            "its rows belong to no subject"
        );
    }

    #[test]
    fn a_repository_default_holds_for_the_subjects_of_no_cohort() {
        let routes = routes(
            r#"{"cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"}],
                "default": {"stage": "off"}, "repositories": {"clients": {"stage": "shadow"}}}"#,
        )
        .unwrap();
        assert_eq!(stage(&routes, CLIENTS, Some(TEST_PHONE)), Stage::Live);
        assert_eq!(stage(&routes, CLIENTS, Some("+79990000000")), Stage::Shadow);
        assert_eq!(stage(&routes, SERVICES, None), Stage::Off);
    }

    #[test]
    fn the_span_is_both_only_where_a_subject_can_have_another_authority() {
        for (cohort, default, clients, services) in [
            (
                r#""subjects": ["+79686484488"], "stage": "live""#,
                "off",
                Span::Both,
                Span::Old,
            ),
            (
                r#""subjects": ["+79686484488"], "stage": "shadow""#,
                "off",
                Span::Old,
                Span::Old,
            ),
            (r#""subjects": [], "stage": "live""#, "off", Span::Old, Span::Old),
            (r#""percent": 0, "stage": "live""#, "off", Span::Old, Span::Old),
            (r#""percent": 5, "stage": "live""#, "off", Span::Both, Span::Old),
            (r#""percent": 5, "stage": "live""#, "complete", Span::New, Span::New),
            (r#""percent": 100, "stage": "live""#, "off", Span::Both, Span::Old),
        ] {
            let json = format!(r#"{{"cohort": [{{"name": "x", {cohort}}}], "default": {{"stage": "{default}"}}}}"#);
            let routes = routes(&json).unwrap();
            assert_eq!(
                (routes.span(CLIENTS), routes.span(SERVICES)),
                (clients, services),
                "{json}"
            );
        }
    }
}
