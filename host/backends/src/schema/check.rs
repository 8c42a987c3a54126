use turnout_vocabulary::{Backend, Repository, SubjectKind};

use super::{Schema, Table};

/// What about the repositories' settings does not fit the tables, in words; empty if all of it does.
pub(crate) fn problems(backend: Backend, schema: &Schema, repositories: &[Repository]) -> Vec<String> {
    let mut problems = Vec::new();
    for repository in repositories {
        let name = format!("{}.{}", repository.schema, repository.table);
        let Some(table) = schema.table(repository) else {
            problems.push(format!(
                "backend {backend} has no table {name}; create it, or remove the repository"
            ));
            continue;
        };
        let named = repository
            .key
            .iter()
            .chain(&repository.subject)
            .chain(&repository.compared);
        let mut missing: Vec<&str> = named
            .filter(|column| !has_column(table, column))
            .map(String::as_str)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        for column in &missing {
            problems.push(format!("table {name} of backend {backend} has no column {column}"));
        }
        if missing.is_empty() {
            problems.extend(key_problems(backend, table, repository));
        }
    }
    problems
}

/// Why the key of a repository does not tell the rows of its table apart; its columns are there.
pub(crate) fn key_problems(backend: Backend, table: &Table, repository: &Repository) -> Vec<String> {
    let name = format!("{}.{}", repository.schema, repository.table);
    let key = repository.key.join(", ");
    let mut problems = Vec::new();
    if !is_unique_key(table, &repository.key) {
        problems.push(format!(
            "table {name} of backend {backend} has no primary key or unique constraint on exactly ({key}), where an index that \
             is partial, deferrable or over expressions does not count; add one, or correct the repository's key"
        ));
    }
    for column in &table.columns {
        if repository.key.contains(&column.name) && !column.not_null {
            problems.push(format!(
                "column {} of table {name} of backend {backend} belongs to the repository's key and is nullable, so a row where \
                 it is null would never be mirrored; alter table {name} alter column {} set not null, or correct the key",
                column.name, column.name
            ));
        }
    }
    problems
}

/// Why the subject column of a repository can't hold subjects of a kind. A text has one spelling only where PostgreSQL takes no two
/// texts for equal; the others are normalised, so their columns may compare as they like.
pub(crate) fn subject_problems(
    backend: Backend,
    table: &Table,
    repository: &Repository,
    kind: SubjectKind,
) -> Option<String> {
    let subject = repository.subject.as_ref()?;
    let column = table.columns.iter().find(|column| column.name == *subject)?;
    let takes_texts_as_they_are = matches!(&*column.compared_type, "text" | "character varying");
    (kind == SubjectKind::Text && !takes_texts_as_they_are).then(|| {
        format!(
            "subject column {subject} of table {}.{} of backend {backend} has the type {}, whose values can be written in several ways: \
             subjects.kind = \"text\" needs the type text or character varying, a column of UUIDs needs \"uuid\"",
            repository.schema, repository.table, column.type_name
        )
    })
}

fn has_column(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|column| column.name == name)
}

fn is_unique_key(table: &Table, key: &[String]) -> bool {
    table
        .unique_keys
        .iter()
        .any(|unique| unique.len() == key.len() && key.iter().all(|column| unique.contains(column)))
}
