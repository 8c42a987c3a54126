use turnout_backends::Schema;
use turnout_vocabulary::{Repository, RepositoryId};

/// The repositories, each after the repositories that its foreign keys refer to. In a circle of references they are in the order of their
/// numbers.
pub(crate) fn parents_first(schema: &Schema, repositories: &[Repository]) -> Vec<RepositoryId> {
    let mut order = Vec::with_capacity(repositories.len());
    let mut seen = vec![false; repositories.len()];
    for repository in repositories {
        visit(repository, schema, repositories, &mut seen, &mut order);
    }
    order
}

/// The other repositories that the foreign keys of a repository lead to, over any number of steps.
pub(crate) fn ancestors(schema: &Schema, repositories: &[Repository], repository: &Repository) -> Vec<RepositoryId> {
    let mut order = Vec::new();
    visit(
        repository,
        schema,
        repositories,
        &mut vec![false; repositories.len()],
        &mut order,
    );
    order.retain(|parent| *parent != repository.id);
    order
}

fn visit(
    repository: &Repository,
    schema: &Schema,
    repositories: &[Repository],
    seen: &mut [bool],
    order: &mut Vec<RepositoryId>,
) {
    if std::mem::replace(&mut seen[usize::from(repository.id.0)], true) {
        return;
    }
    let references = schema.table(repository).map_or(&[][..], |table| &table.references);
    for parent in references {
        let served = repositories
            .iter()
            .find(|served| served.schema == parent.schema && served.table == parent.table);
        if let Some(parent) = served {
            visit(parent, schema, repositories, seen, order);
        }
    }
    order.push(repository.id);
}
