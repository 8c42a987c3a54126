use std::collections::BTreeSet;

use turnout_readiness::{Criterion, Rules};

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
