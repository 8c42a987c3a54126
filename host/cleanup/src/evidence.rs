use serde::Serialize;
use serde_json::{Value, json};
use turnout_backends::Evidence;
use turnout_vocabulary::{Backend, Comparison, Epoch, Filter, OperationId, PerBackend};

use crate::execute::Removed;
use crate::{Asked, Cleanups, Error, Review, Undone};

/// The kind of all evidence of cleanups.
const KIND: &str = "cleanup";

/// The world whose policy agrees or not.
const WORLD: &str = "safe-cleanup";

/// How many rows of a repository went from one side, or would go.
#[derive(Serialize)]
struct Count<'a> {
    repository: &'a str,
    backend: Backend,
    requested: u64,
    referring: u64,
    marked: u64,
    table_rows: u64,
}

impl Cleanups {
    /// Keeps that a cleanup was asked for, and what was found. It has `id` if it goes ahead.
    pub(crate) async fn keep_review(
        &self,
        asked: &Asked,
        review: &Review,
        id: Option<OperationId>,
    ) -> Result<(), Error> {
        let counts = review.counts.iter().map(|count| Count {
            repository: &self.of(count.repository).name,
            backend: count.backend,
            requested: count.requested,
            referring: count.referring,
            marked: count.marked,
            table_rows: count.table_rows,
        });
        let keys = review
            .rows
            .iter()
            .map(|going| (&self.of(going.repository).name, &going.row.key));
        let policy = review.in_force.versions.iter().find(|(world, _)| *world == WORLD);
        let result = json!({
            "step": if id.is_some() { "begun" } else { "reviewed" },
            "id": id.map(|id| id.to_string()),
            "by": asked.by,
            "repository": self.of(asked.repository).name,
            "filter": shape(&asked.filter),
            "execute": asked.execute,
            "expected": asked.expected,
            "agreed": review.obstacles.is_empty(),
            "reasons": review.obstacles.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "counts": counts.collect::<Vec<_>>(),
            // Of rows that stay, only their number is kept.
            "keys": id.map(|_| keys.collect::<Vec<_>>()),
            "policy": policy.map(|(_, version)| version),
        });
        let repositories = review.counts.iter().map(|count| self.of(count.repository).name.clone());
        self.keep(review.in_force.epoch, repositories.collect(), &result).await
    }

    /// Keeps that a cleanup was asked for which could not be reviewed. Nothing was removed, so a failure is only told.
    pub(crate) async fn keep_failure(&self, asked: &Asked, error: &Error) {
        let repository = &self.of(asked.repository).name;
        let result = json!({
            "step": "failed",
            "by": asked.by,
            "repository": repository,
            "filter": shape(&asked.filter),
            "execute": asked.execute,
            "expected": asked.expected,
            "reasons": [error.to_string()],
        });
        let epoch = self.policies.in_force().epoch;
        if let Err(error) = self.keep(epoch, vec![repository.clone()], &result).await {
            tracing::warn!(%error, "the evidence of a cleanup that failed cannot be kept");
        }
    }

    /// Keeps what a cleanup removed. The archives say it, too, so a failure is only told.
    pub(crate) async fn keep_removal(
        &self,
        asked: &Asked,
        review: &Review,
        id: OperationId,
        sides: &PerBackend<Option<Result<Removed, Error>>>,
    ) {
        let side = |side: &Option<Result<Removed, Error>>| match side {
            None => Value::Null,
            Some(Ok(removed)) => json!({"rows": removed.rows, "mirror": removed.mirror.as_str()}),
            Some(Err(error)) => json!({"error": error.to_string()}),
        };
        let result = json!({
            "step": "done",
            "id": id.to_string(),
            "repository": self.of(asked.repository).name,
            "old": side(&sides.old),
            "new": side(&sides.new),
        });
        let repositories = vec![self.of(asked.repository).name.clone()];
        if let Err(error) = self.keep(review.in_force.epoch, repositories, &result).await {
            tracing::error!(cleanup = %id, %error, "a cleanup is done, and the evidence of its outcome cannot be kept");
        }
    }

    /// Keeps that rows of a cleanup are to be put back, or what became of them.
    pub(crate) async fn keep_undo(
        &self,
        id: &str,
        by: &str,
        epoch: Epoch,
        left: usize,
        undone: Option<&Undone>,
    ) -> Result<(), Error> {
        let result = json!({
            "step": if undone.is_some() { "undone" } else { "undo begun" },
            "id": id,
            "by": by,
            "left": left,
            "restored": undone.map(|undone| json!({"old": undone.restored.old, "new": undone.restored.new})),
        });
        self.keep(epoch, Vec::new(), &result).await
    }

    async fn keep(&self, epoch: Epoch, repositories: Vec<String>, result: &Value) -> Result<(), Error> {
        if !self.sides.new.schema().await?.installed {
            return Err(Error::NotInstalled(Backend::New));
        }
        let evidence = Evidence {
            kind: KIND,
            host: &self.host,
            version: env!("CARGO_PKG_VERSION"),
            epoch: Some(epoch),
            repositories: &repositories,
            result: &result.to_string(),
        };
        self.sides.new.add_evidence(&evidence).await?;
        Ok(())
    }
}

/// A filter without the values that it compares with, which may be personal data.
fn shape(filter: &Filter) -> String {
    let parts = |parts: &[Filter]| parts.iter().map(shape).collect::<Vec<_>>().join(",");
    match filter {
        Filter::All(all) => format!("and({})", parts(all)),
        Filter::Any(any) => format!("or({})", parts(any)),
        Filter::Not(part) => format!("not({})", shape(part)),
        Filter::Compare(Comparison { field, operator, .. }) => {
            format!("{}.{}.…", field.name, format!("{operator:?}").to_lowercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{Operand, Operator};

    use super::*;

    #[test]
    fn evidence_has_no_values_of_filters() {
        let compare = |operator, value: &str| {
            Filter::Compare(Comparison {
                field: "email".into(),
                operator,
                operand: Operand::Value(value.into()),
            })
        };
        let filter = Filter::All(vec![
            compare(Operator::Eq, "anna.petrova@mail.ru"),
            Filter::Not(Box::new(Filter::Any(vec![compare(Operator::Like, "%a.b%")]))),
        ]);
        assert_eq!(shape(&filter), "and(email.eq.…,not(or(email.like.…)))");
        assert_eq!(shape(&Filter::default()), "and()");
    }
}
