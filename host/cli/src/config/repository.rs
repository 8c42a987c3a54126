use std::collections::{HashMap, HashSet};

use turnout_vocabulary::{Repository, RepositoryId};

use super::section::Section;

/// Reads the `[repositories.NAME]` tables, numbered in the order of their names, and the repositories in which one statement may write
/// every row. One is needed, and the key of each, unless whole schemas are served: then a key may be found in the database.
pub(crate) fn read(section: Section<'_, '_>, needs_one: bool) -> (Vec<Repository>, HashSet<RepositoryId>) {
    if needs_one && section.is_empty() {
        section.problem(
            "there is no repository to serve; add a table such as [repositories.clients], or `exposed` in [schemas]",
        );
    }
    let mut unfiltered_writes = HashSet::new();
    let mut tables = HashMap::new();
    let repositories = section
        .sections()
        .into_iter()
        .zip(0..)
        .map(|((name, mut section), number)| {
            if section.value("unfiltered_writes").unwrap_or(false) {
                unfiltered_writes.insert(RepositoryId(number));
            }
            one(name, section, number, needs_one, &mut tables)
        });
    (repositories.collect(), unfiltered_writes)
}

fn one(
    name: String,
    mut section: Section<'_, '_>,
    number: u16,
    needs_key: bool,
    tables: &mut HashMap<(String, String), String>,
) -> Repository {
    let key: Option<Vec<String>> = if needs_key {
        section.required("key")
    } else {
        section.value("key")
    };
    if key.as_ref().is_some_and(Vec::is_empty) {
        section.problem("`key` names no column; give the columns of the primary key");
    }
    let repository = Repository {
        id: RepositoryId(number),
        schema: section.value("schema").unwrap_or_else(|| "public".to_owned()),
        table: section.value("table").unwrap_or_else(|| name.clone()),
        key: key.unwrap_or_default(),
        subject: section.value("subject"),
        compared: section.value("compared").unwrap_or_default(),
        name,
    };
    let table = (repository.schema.clone(), repository.table.clone());
    if let Some(other) = tables.insert(table, repository.name.clone()) {
        section.problem(format!(
            "this is also the table of [repositories.{other}]; name it once"
        ));
    }
    section.finish();
    repository
}
