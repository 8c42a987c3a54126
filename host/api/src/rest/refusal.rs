use std::time::Duration;

use turnout_backends::{Candidate, ColumnUse, Error as BackendError, suggested_table};
use turnout_pipeline::Error;
use turnout_postgrest::{Refusal, Relationship};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use super::RETRY_AFTER;

/// How long an application should wait before it tries a write again that is refused because all are.
const FROZEN_RETRY: Duration = Duration::from_secs(5);

/// Turns an error of the pipeline into the refusal that the application gets.
pub(crate) fn of(error: Error, labels: &PerBackend<String>) -> Refusal {
    match error {
        Error::Frozen { retry_after } => Refusal::frozen(retry_after),
        Error::WritesFrozen => Refusal::writes_frozen(FROZEN_RETRY),
        Error::Undecided(_) | Error::Contradiction | Error::Moving | Error::Aside(_) => {
            Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))
        }
        Error::HandedOver { .. } => Refusal::unavailable(
            "The row was handed to another authority and may have changed there by now; read it before you repeat the write",
            None,
        ),
        Error::Unfiltered { action, repository } => Refusal::unfiltered(action, &repository),
        Error::SeveralAuthorities
        | Error::Unconfigured { .. }
        | Error::Foreign { .. }
        | Error::ChangesAuthority
        | Error::Apart { .. }
        | Error::Unforeseen
        | Error::NotReadable { .. } => Refusal::authority(error.to_string()),
        Error::Partial { done, failure } => of(*failure, labels).into_partial(&parts(done)),
        Error::Backend(error) => of_backend(error, labels),
        error => Refusal::internal(error.to_string()),
    }
}

fn of_backend(error: BackendError, labels: &PerBackend<String>) -> Refusal {
    match error {
        BackendError::Unavailable {
            backend,
            in_doubt: false,
            ..
        } => {
            let message = format!("{} cannot be reached; nothing was done", name(backend, labels));
            Refusal::unavailable(message, Some(RETRY_AFTER))
        }
        BackendError::Unavailable {
            backend,
            in_doubt: true,
            ..
        } => {
            let message = format!(
                "{} broke off before it answered; the write may have been done, so read the rows before you repeat it",
                name(backend, labels)
            );
            Refusal::unavailable(message, None)
        }
        BackendError::Exhausted { backend } => {
            let message = format!(
                "All connections to {} are busy; nothing was done",
                name(backend, labels)
            );
            Refusal::unavailable(message, Some(RETRY_AFTER))
        }
        BackendError::NotReady {
            backend,
            condition,
            sqlstate,
        } => {
            let message = format!("{} {condition}; nothing was done", name(backend, labels));
            Refusal::not_ready(message, &sqlstate, RETRY_AFTER)
        }
        error @ BackendError::Database(_) if error.is_contention() => {
            let message = "Other transactions got in the way of this operation at every attempt; nothing was done";
            Refusal::contended(message, RETRY_AFTER)
        }
        BackendError::Fenced { backend } => {
            let message = format!(
                "{} accepts only a newer policy set than this host has; nothing was done",
                name(backend, labels)
            );
            Refusal::unavailable(message, Some(RETRY_AFTER))
        }
        error @ BackendError::Outdated { .. } => Refusal::unavailable(error.to_string(), Some(RETRY_AFTER)),
        BackendError::UnknownTable { table, .. } => {
            let (schema, table) = table.split_once('.').unwrap_or(("public", &table));
            Refusal::unknown_table(schema, table, None)
        }
        BackendError::UnknownColumn {
            table,
            column,
            usage: ColumnUse::Read,
        } => Refusal::unknown_column(&table, &column),
        BackendError::UnknownColumn {
            table,
            column,
            usage: ColumnUse::Written,
        } => Refusal::unknown_written_column(&table, &column),
        BackendError::UnknownRelationship(unknown) => Refusal::unknown_relationship(
            &unknown.origin,
            &unknown.target,
            unknown.hint.as_deref(),
            &unknown.schema,
            unknown.suggestion.as_ref(),
        ),
        BackendError::AmbiguousRelationship {
            origin,
            target,
            candidates,
        } => Refusal::ambiguous_relationship(&origin, &target, candidates.into_iter().map(relationship).collect()),
        BackendError::EmbeddedTwice { alias } => Refusal::embedded_twice(&alias),
        BackendError::NotEmbedded { name } => Refusal::not_embedded(&name),
        BackendError::OrderByMany { origin, target } => Refusal::ordered_by_many(&origin, &target),
        error @ BackendError::AggregateOfMany { .. } => Refusal::not_implemented(error.to_string()),
        BackendError::EmbedCompared { name } => Refusal::embed_compared(&name),
        BackendError::InvalidCast { cast } => Refusal::unknown_type(&cast),
        BackendError::NotSingle { rows } => Refusal::not_single(rows),
        BackendError::UnknownFunction(unknown) => Refusal::unknown_function(
            &unknown.function,
            &unknown.arguments,
            unknown.whole,
            unknown.alike.as_deref(),
        ),
        BackendError::AmbiguousFunction { candidates } => Refusal::ambiguous_function(&candidates),
        BackendError::LimitedValue { .. } => Refusal::limited_value(),
        BackendError::AnotherKey => Refusal::another_key(),
        BackendError::TooManyAffected { rows } => Refusal::too_many_affected(rows),
        BackendError::Database(error) => {
            Refusal::from_database(&error.sqlstate, &error.message, error.details, error.hint)
        }
        error => Refusal::internal(error.to_string()),
    }
}

/// The refusal of a request for a repository that there is not.
pub(crate) fn unknown_repository(repositories: &[Repository], schema: Option<&str>, name: &str) -> Refusal {
    let alike = suggested_table(repositories.iter().map(|repository| repository.table.as_str()), name);
    let alike = repositories
        .iter()
        .find(|repository| Some(repository.table.as_str()) == alike);
    let alike = alike.map(|Repository { schema, table, .. }| format!("{schema}.{table}"));
    Refusal::unknown_table(schema.unwrap_or("public"), name, alike.as_deref())
}

fn relationship(candidate: Candidate) -> Relationship {
    let Candidate {
        cardinality,
        embedding,
        relationship,
        choice,
    } = candidate;
    Relationship {
        cardinality,
        embedding,
        relationship,
        choice,
    }
}

/// How many rows were written on each backend, for people.
fn parts(done: PerBackend<Option<u64>>) -> String {
    let parts = done
        .iter()
        .filter_map(|(backend, rows)| Some(format!("{} rows on backend {backend}", (*rows)?)));
    parts.collect::<Vec<_>>().join(", ")
}

/// A backend with its label, for people.
fn name(backend: Backend, labels: &PerBackend<String>) -> String {
    format!("backend {backend} ({})", labels[backend])
}
