use std::collections::HashSet;

use turnout_vocabulary::{Repository, RepositoryId};

use super::section::Section;

/// Reads the `[repositories.NAME]` tables, numbered in the order of their names, and the repositories in which one statement may write
/// every row.
pub(crate) fn read(section: Section<'_, '_>) -> (Vec<Repository>, HashSet<RepositoryId>) {
    if section.is_empty() {
        section.problem("there is no repository to serve; add a table such as [repositories.clients]");
    }
    let mut unfiltered_writes = HashSet::new();
    let repositories = section
        .sections()
        .into_iter()
        .zip(0..)
        .map(|((name, mut section), number)| {
            if section.value("unfiltered_writes").unwrap_or(false) {
                unfiltered_writes.insert(RepositoryId(number));
            }
            one(name, section, number)
        });
    (repositories.collect(), unfiltered_writes)
}

fn one(name: String, mut section: Section<'_, '_>, number: u16) -> Repository {
    let key: Vec<String> = section.required("key").unwrap_or_else(|| vec![String::new()]);
    if key.is_empty() {
        section.problem("`key` names no column; give the columns of the primary key");
    }
    let repository = Repository {
        id: RepositoryId(number),
        schema: section.value("schema").unwrap_or_else(|| "public".to_owned()),
        key,
        subject: section.value("subject"),
        compared: section.value("compared").unwrap_or_default(),
        name,
    };
    section.finish();
    repository
}
