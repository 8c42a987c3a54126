use std::collections::BTreeMap;

use turnout_vocabulary::{FunctionRule, Repository};

use super::section::Section;

/// Reads the `[functions.NAME]` tables. Unless `others` are served too, the repositories that they name must be among these.
pub(crate) fn read(
    section: Section<'_, '_>,
    repositories: &[Repository],
    others: bool,
) -> BTreeMap<String, FunctionRule> {
    let mut functions = BTreeMap::new();
    for (name, mut section) in section.sections() {
        let names: Vec<String> = section.required("repositories").unwrap_or_default();
        if names.is_empty() {
            section.problem("`repositories` names no repository; name those whose rows the function reads or writes");
            continue;
        }
        let is_known = |name: &&String| repositories.iter().any(|repository| repository.name == **name);
        if let Some(unknown) = names.iter().find(|name| !others && !is_known(name)) {
            section.problem(format!("`repositories` names {unknown}, which is no repository"));
        }
        let rule = FunctionRule {
            repositories: names,
            subject: section.value("subject"),
            reads: section.value("reads"),
        };
        section.finish();
        functions.insert(name, rule);
    }
    functions
}
