//! Whether keys tell the rows of their tables apart.

use turnout_backends::quoted;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::catalogue::{Catalogue, Table};
use crate::finding::{Finding, Severity, Side};
use crate::judged::remedy;

/// The keys of repositories that don't, on either side, and tables that neither side has.
pub(crate) fn findings(catalogues: &PerBackend<Catalogue>, repositories: &[Repository]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for repository in repositories {
        let table = |side: Backend| catalogues[side].table(&repository.schema, &repository.table);
        if Backend::ALL.into_iter().all(|side| table(side).is_none()) {
            findings.push(no_table(repository));
        }
        for side in Backend::ALL {
            let Some(table) = table(side) else { continue };
            let is_filled = |name: &String| table.column(name).is_some_and(|column| column.not_null);
            if table.is_unique_by(&repository.key) && repository.key.iter().all(is_filled) {
                continue;
            }
            findings.push(no_key(table, repository, side));
        }
    }
    findings
}

fn no_table(repository: &Repository) -> Finding {
    let table = format!("{}.{}", repository.schema, repository.table);
    Finding {
        severity: Severity::Blocks,
        kind: "table",
        side: None,
        what: format!("repository {} has no table on either side", repository.name),
        table: Some(table),
        object: Some(repository.name.clone()),
        why: "it can't be served; correct `schema` and `table` of the repository in the configuration",
        remedies: Vec::new(),
        rows: None,
    }
}

fn no_key(table: &Table, repository: &Repository, side: Backend) -> Finding {
    let columns: Vec<String> = repository.key.iter().map(|column| quoted(column)).collect();
    let columns = columns.join(", ");
    let qualified = table.qualified();
    let has_primary_key = table.constraints.iter().any(|constraint| constraint.kind == "p");
    let statements = if repository.key.iter().any(|column| table.column(column).is_none()) {
        Vec::new()
    } else if has_primary_key {
        let filled = repository
            .key
            .iter()
            .map(|column| format!("alter table {qualified} alter column {} set not null;", quoted(column)));
        let unique = format!("alter table {qualified} add unique ({columns});");
        filled.chain([unique]).collect()
    } else {
        vec![format!("alter table {qualified} add primary key ({columns});")]
    };
    Finding {
        severity: Severity::Blocks,
        kind: "key",
        side: Some(Side(side)),
        table: Some(table.shown()),
        object: Some(repository.key.join(", ")),
        what: format!(
            "has no primary key or unique constraint on exactly ({}), over columns that are not null, on {side}",
            repository.key.join(", ")
        ),
        why: "rows that can't be told apart can't be mirrored",
        remedies: if statements.is_empty() {
            Vec::new()
        } else {
            vec![remedy(side, &statements)]
        },
        rows: None,
    }
}
