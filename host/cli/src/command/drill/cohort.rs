use anyhow::{Context, Result, bail};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};
use turnout_vocabulary::{Subject, SubjectRule};

/// What the cohort of a drill is called in the settings that are on trial.
const NAME: &str = "turnout drill";

/// The one subject that a drill moves.
pub(super) struct Cohort {
    /// As it is written in the settings, or was given.
    pub(super) written: String,
    pub(super) subject: Subject,
    settings: DocumentMut,
    rule: SubjectRule,
}

impl Cohort {
    /// The subject that was given; without one the test phone: that of the cohort of a single subject whose name has "test" in it, or of
    /// the only cohort of a single subject.
    pub(super) fn of(settings: &str, given: Option<&str>, rule: &SubjectRule) -> Result<Self> {
        let settings: DocumentMut = settings
            .parse()
            .context("the settings of the routing policy in force are no TOML")?;
        let written = match given {
            Some(given) => given.to_owned(),
            None => test_phone(&settings)?,
        };
        let subject = rule.normalise_written(&written).context("--phone")?;
        Ok(Self {
            written,
            subject,
            settings,
            rule: rule.clone(),
        })
    }

    /// The settings in force, but for the subject, which stands alone at this stage.
    pub(super) fn settings_at(&self, stage: &str) -> Result<String> {
        let mut settings = self.settings.clone();
        let cohorts = settings.remove("cohort").map(Item::into_array_of_tables);
        let mut cohorts = match cohorts {
            None => ArrayOfTables::new(),
            Some(Ok(cohorts)) => cohorts,
            Some(Err(_)) => bail!("`cohort` in the settings of the routing policy is no list of cohorts"),
        };
        for cohort in cohorts.iter_mut() {
            if let Some(subjects) = cohort.get_mut("subjects").and_then(Item::as_array_mut) {
                subjects.retain(|listed| !self.is(listed));
            }
        }
        let mut own = Table::new();
        own["name"] = value(NAME);
        own["subjects"] = value(Array::from_iter([self.written.as_str()]));
        own["stage"] = value(stage);
        cohorts.push(own);
        settings["cohort"] = Item::ArrayOfTables(cohorts);
        Ok(settings.to_string())
    }

    fn is(&self, listed: &Value) -> bool {
        let subject = listed.as_str().and_then(|text| self.rule.normalise(text).ok());
        subject.as_ref() == Some(&self.subject)
    }
}

fn test_phone(settings: &DocumentMut) -> Result<String> {
    let cohorts = settings.get("cohort").cloned().map(Item::into_array_of_tables);
    let cohorts = cohorts.and_then(Result::ok).unwrap_or_default();
    let single: Vec<(String, String)> = cohorts
        .iter()
        .filter_map(|cohort| {
            let subjects = cohort.get("subjects")?.as_array()?;
            let name = cohort.get("name")?.as_str()?.to_lowercase();
            let only = subjects.get(0).filter(|_| subjects.len() == 1)?.as_str()?;
            Some((name, only.to_owned()))
        })
        .collect();
    let named = single.iter().find(|(name, _)| name.contains("test"));
    match (named, &single[..]) {
        (Some((_, phone)), _) | (None, [(_, phone)]) => Ok(phone.clone()),
        _ => bail!("the settings of the routing policy have no cohort of a single test phone; name one by --phone"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> SubjectRule {
        SubjectRule::for_region("RU").expect("there is a region RU")
    }

    #[test]
    fn the_test_phone_is_found_and_moved_alone() -> Result<()> {
        let settings = "# ours\n[[cohort]]\nname = 'first'\nsubjects = ['89990001111', '89686484488']\nstage = 'shadow'\n\
                        [[cohort]]\nname = 'Test phone'\nsubjects = ['+7 968 648-44-88']\nstage = 'live'\n\
                        [default]\nstage = 'dualwrite'\n";
        let cohort = Cohort::of(settings, None, &rule())?;
        assert_eq!(cohort.written, "+7 968 648-44-88");
        let moved: toml::Table = cohort.settings_at("shadow")?.parse()?;
        let subjects: Vec<_> = moved["cohort"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cohort| (cohort["stage"].as_str(), cohort["subjects"].as_array().map(Vec::len)))
            .collect();
        assert_eq!(
            subjects,
            [
                (Some("shadow"), Some(1)),
                (Some("live"), Some(0)),
                (Some("shadow"), Some(1))
            ]
        );
        assert_eq!(moved["default"]["stage"].as_str(), Some("dualwrite"));
        Ok(())
    }

    #[test]
    fn a_phone_that_is_given_needs_no_cohort() -> Result<()> {
        let settings = "[default]\nstage = 'dualwrite'\n";
        assert!(Cohort::of(settings, None, &rule()).is_err());
        let moved = Cohort::of(settings, Some("89686484488"), &rule())?.settings_at("live")?;
        assert!(
            moved.contains("[[cohort]]") && moved.contains("stage = \"live\""),
            "{moved}"
        );
        let error = Cohort::of(settings, Some("8968"), &rule())
            .err()
            .map(|error| format!("{error:#}"));
        assert!(error.is_some_and(|error| error.starts_with("--phone")));
        Ok(())
    }
}
