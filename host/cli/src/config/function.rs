use std::collections::HashMap;

use turnout_pipeline::FunctionRule;
use turnout_vocabulary::Repository;

use super::section::Section;

/// Reads the `[functions.NAME]` tables.
pub(crate) fn read(section: Section<'_, '_>, repositories: &[Repository]) -> HashMap<String, FunctionRule> {
    let mut functions = HashMap::new();
    for (name, mut section) in section.sections() {
        let names: Vec<String> = section.required("repositories").unwrap_or_default();
        if names.is_empty() {
            section.problem("`repositories` names no repository; name those whose rows the function reads or writes");
            continue;
        }
        let known = |name: &String| repositories.iter().find(|repository| repository.name == *name);
        if let Some(unknown) = names.iter().find(|name| known(name).is_none()) {
            section.problem(format!("`repositories` names {unknown}, which is no repository"));
        }
        let rule = FunctionRule {
            repositories: names.iter().filter_map(known).map(|repository| repository.id).collect(),
            subject: section.value("subject"),
            reads: section.value("reads"),
        };
        section.finish();
        functions.insert(name, rule);
    }
    functions
}
