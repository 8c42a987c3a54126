use turnout_policy::dual_write::MirrorPlan;
use turnout_policy::{Repository, RepositoryNumber, SettingsError, check_repositories};

use crate::settings::{Mirror, Own, Settings};

/// What holds for the writes of every repository, by its number.
pub(crate) struct Rules(Vec<Rule>);

/// What holds for the writes of one repository.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) mirror: Mirror,
    /// How long an answer waits for its mirror at most, in milliseconds.
    pub(crate) sync_bound: u32,
    /// The milliseconds over which a write or its mirror raises a warning.
    pub(crate) warning: u32,
    /// The milliseconds over which the alert is critical.
    pub(crate) critical: u32,
}

impl Rules {
    pub(crate) fn new(settings: &Settings, repositories: &[Repository]) -> Result<Self, SettingsError> {
        check_repositories(settings.repositories.keys(), repositories)?;
        let general = Rule::DEFAULT.with(Own {
            mirror: settings.mirror,
            sync_bound_ms: settings.sync_bound_ms,
            slow: settings.slow,
        })?;
        let rule = |Repository { name, .. }: &Repository| match settings.repositories.get(name) {
            Some(own) => general
                .with(*own)
                .map_err(|error| error.within(name).within("repositories")),
            None => Ok(general),
        };
        repositories.iter().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// The rule of a repository, which must be one of those that `configure` received.
    pub(crate) fn of(&self, repository: RepositoryNumber) -> &Rule {
        &self.0[usize::from(repository)]
    }
}

impl Rule {
    /// The rule of a repository where no settings are written.
    pub(crate) const DEFAULT: Self = Self {
        mirror: Mirror::Async,
        sync_bound: 500,
        warning: 500,
        critical: 1_000,
    };

    /// This rule with a repository's own settings in place of the general ones.
    fn with(self, own: Own) -> Result<Self, SettingsError> {
        let rule = Self {
            mirror: own.mirror.unwrap_or(self.mirror),
            sync_bound: own.sync_bound_ms.map_or(self.sync_bound, Into::into),
            warning: own.slow.warning_ms.unwrap_or(self.warning),
            critical: own.slow.critical_ms.unwrap_or(self.critical),
        };
        if rule.warning > rule.critical {
            let (warning, critical) = (rule.warning, rule.critical);
            let reason = format!("`warning_ms` ({warning}) is more than `critical_ms` ({critical})");
            return Err(SettingsError::at("/slow", reason));
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
    use turnout_policy::testing;

    use super::*;
    use crate::Mirroring;

    const BOOKINGS: u16 = 0;
    const CLIENTS: u16 = 1;

    #[test]
    fn a_repository_has_its_own_and_else_what_is_general_and_else_the_default() {
        let toml = r#"
            sync_bound_ms = 200
            slow.critical_ms = 2000

            [repositories.bookings]
            mirror = "sync"
            slow.warning_ms = 100
        "#;
        let Mirroring { rules, .. } = testing::configure(toml, &["bookings", "clients"]).unwrap();
        let (bookings, clients) = (rules.of(BOOKINGS), rules.of(CLIENTS));
        assert!(matches!(bookings.plan(), MirrorPlan::Sync(200)));
        assert_eq!((bookings.warning, bookings.critical), (100, 2_000));
        assert!(matches!(clients.plan(), MirrorPlan::Async));
        assert_eq!((clients.warning, clients.critical), (500, 2_000));
    }
}
