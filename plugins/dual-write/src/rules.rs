use turnout_settings::{Mistake, check_repositories, repository};

use crate::bindings::{MirrorPlan, RepositoryInfo};
use crate::retry::Retry;
use crate::settings::{Mirror, Own, Written};

/// The settings, brought together with the repositories that they are for.
pub(crate) struct Rules {
    pub(crate) retry: Retry,
    /// By repository number.
    repositories: Vec<Rule>,
}

/// What holds for the writes of one repository.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) mirror: Mirror,
    /// How long an answer waits for its mirror at most, in milliseconds.
    pub(crate) sync_bound: u32,
    /// The milliseconds over which people hear of a write or of its mirror.
    pub(crate) warning: u32,
    /// The milliseconds over which they must look at it.
    pub(crate) critical: u32,
}

impl Rules {
    pub(crate) fn new(written: &Written, repositories: &[RepositoryInfo]) -> Result<Self, Mistake> {
        let served: Vec<_> = repositories.iter().map(|served| served.name.as_str()).collect();
        check_repositories(written.repositories.keys(), &served)?;
        let general = Own {
            mirror: written.mirror,
            sync_bound_ms: written.sync_bound_ms,
            slow: written.slow,
        };
        let general = Rule::DEFAULT.with(general, "")?;
        let rule = |name: &&str| match written.repositories.get(*name) {
            Some(own) => general.with(*own, &repository(name)),
            None => Ok(general),
        };
        Ok(Self {
            retry: written.retry.checked()?,
            repositories: served.iter().map(rule).collect::<Result<_, _>>()?,
        })
    }

    /// What holds for a repository, which must be one of those that were given.
    pub(crate) fn of(&self, repository: u16) -> &Rule {
        &self.repositories[usize::from(repository)]
    }
}

impl Rule {
    /// What holds where nothing is written.
    pub(crate) const DEFAULT: Self = Self {
        mirror: Mirror::Async,
        sync_bound: 500,
        warning: 500,
        critical: 1_000,
    };

    /// The rule with what is written at `place` instead.
    fn with(self, own: Own, place: &str) -> Result<Self, Mistake> {
        let rule = Self {
            mirror: own.mirror.unwrap_or(self.mirror),
            sync_bound: own.sync_bound_ms.map_or(self.sync_bound, Into::into),
            warning: own.slow.warning_ms.unwrap_or(self.warning),
            critical: own.slow.critical_ms.unwrap_or(self.critical),
        };
        if rule.warning > rule.critical {
            let (warning, critical) = (rule.warning, rule.critical);
            return Err(Mistake::at(
                format!("{place}/slow"),
                format!("`warning_ms` ({warning}) is more than `critical_ms` ({critical})"),
            ));
        }
        Ok(rule)
    }

    pub(crate) fn plan(&self) -> MirrorPlan {
        match self.mirror {
            Mirror::Off => MirrorPlan::Off,
            Mirror::Async => MirrorPlan::Async,
            Mirror::Sync => MirrorPlan::Sync(self.sync_bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKINGS: u16 = 0;
    const CLIENTS: u16 = 1;

    fn rules(json: &str) -> Result<Rules, Mistake> {
        let info = |name: &str| RepositoryInfo {
            name: name.into(),
            has_subject: true,
        };
        Rules::new(&turnout_settings::read(json)?, &[info("bookings"), info("clients")])
    }

    #[test]
    fn a_repository_has_its_own_and_else_what_is_general_and_else_the_default() {
        let rules = rules(
            r#"{"sync_bound_ms": 200, "slow": {"critical_ms": 2000},
                "repositories": {"bookings": {"mirror": "sync", "slow": {"warning_ms": 100}}}}"#,
        )
        .unwrap();
        let (bookings, clients) = (rules.of(BOOKINGS), rules.of(CLIENTS));
        assert!(matches!(bookings.plan(), MirrorPlan::Sync(200)));
        assert_eq!((bookings.warning, bookings.critical), (100, 2_000));
        assert!(matches!(clients.plan(), MirrorPlan::Async));
        assert_eq!((clients.warning, clients.critical), (500, 2_000));
    }

    #[test]
    fn what_does_not_hold_together_is_refused_at_its_place() {
        for (json, place) in [
            (r#"{"slow": {"warning_ms": 1001}}"#, "/slow"),
            (
                r#"{"repositories": {"bookings": {"slow": {"critical_ms": 400}}}}"#,
                "/repositories/bookings/slow",
            ),
            (r#"{"repositories": {"booking": {}}}"#, "/repositories/booking"),
            (r#"{"retry": {"longest_ms": 10}}"#, "/retry/longest_ms"),
        ] {
            assert_eq!(rules(json).err().unwrap().pointer, place);
        }
    }
}
