use std::collections::{BTreeSet, HashSet};

use turnout_handoff::PromotionRules;
use turnout_readiness::{Criterion, Rules};
use turnout_vocabulary::SubjectRule;

use super::section::Section;

/// Reads the section `ready`: what is enough for each criterion.
pub(super) fn read(mut section: Section<'_, '_>) -> Rules {
    let usual = Rules::default();
    let rules = Rules {
        verify: section.duration("verify").unwrap_or(usual.verify),
        mirror: section.duration("mirror").unwrap_or(usual.mirror),
        drill: section.duration("drill").unwrap_or(usual.drill),
        parallel_run: section.duration("parallel_run").unwrap_or(usual.parallel_run),
        backups: section.duration("backups").unwrap_or(usual.backups),
        skip: criteria(&mut section, "skip").into_iter().collect::<BTreeSet<_>>(),
    };
    section.finish();
    rules
}

/// Reads the section `promotion`: what a move of authority to `new` needs, and who may move all the same. Without a rule no subject can
/// be read.
pub(super) fn promotion(mut section: Section<'_, '_>, rule: Option<&SubjectRule>, rules: &Rules) -> PromotionRules {
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
        rules: rules.clone(),
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
