use std::collections::HashSet;
use std::time::Duration;

use turnout_handoff::PromotionRules;
use turnout_readiness::{Criterion, Rules};
use turnout_vocabulary::SubjectRule;

use super::section::Section;

/// How often a host compares both schemas, unless the configuration says.
const DRIFT: Duration = Duration::from_mins(1);

/// The sections `drift`, `ready` and `promotion`.
#[derive(Debug)]
pub(crate) struct MigrationConfig {
    /// How often a host compares both schemas.
    pub(crate) drift_every: Duration,
    /// What a move of authority to `new` needs, and what is enough for `turnout ready`.
    pub(crate) promotion: PromotionRules,
}

impl MigrationConfig {
    /// Without a rule no subject can be read.
    pub(super) fn read(root: &mut Section<'_, '_>, rule: Option<&SubjectRule>) -> Self {
        let mut drift = root.section("drift");
        let drift_every = drift.duration("every").unwrap_or(DRIFT);
        drift.finish();
        let rules = ready(root.section("ready"));
        Self {
            drift_every,
            promotion: promotion(root.section("promotion"), rule, rules),
        }
    }
}

fn ready(mut section: Section<'_, '_>) -> Rules {
    let usual = Rules::default();
    let rules = Rules {
        verify: section.duration("verify").unwrap_or(usual.verify),
        mirror: section.duration("mirror").unwrap_or(usual.mirror),
        drill: section.duration("drill").unwrap_or(usual.drill),
        parallel_run: section.duration("parallel_run").unwrap_or(usual.parallel_run),
        backups: section.duration("backups").unwrap_or(usual.backups),
        skip: criteria(&mut section, "skip").into_iter().collect(),
    };
    section.finish();
    rules
}

fn promotion(mut section: Section<'_, '_>, rule: Option<&SubjectRule>, rules: Rules) -> PromotionRules {
    let needs = criteria(&mut section, "needs");
    let subjects = section.checked("test_subjects", |texts: Vec<String>| {
        let Some(rule) = rule else { return Ok(HashSet::new()) };
        let subject = |(place, text): (usize, &String)| {
            rule.normalise_written(text)
                .map_err(|error| format!("subject {} of the list: {error}", place + 1))
        };
        texts.iter().enumerate().map(subject).collect()
    });
    section.finish();
    PromotionRules {
        needs,
        rules,
        test_subjects: subjects.unwrap_or_default(),
    }
}

/// A list of criteria; empty if the file does not have it.
fn criteria(section: &mut Section<'_, '_>, key: &'static str) -> Vec<Criterion> {
    let named = section.checked(key, |words: Vec<String>| {
        let criteria = words.into_iter().map(Criterion::try_from);
        criteria
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())
    });
    named.unwrap_or_default()
}
