use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::value::RawValue;
use turnout_backends::{Error as BackendError, RemovedRow, ReviewedTable};
use turnout_vocabulary::{Backend, Epoch, MirrorState, OperationId, PerBackend, RepositoryId};

use crate::closure::Going;
use crate::{Asked, Cleanups, Error, Review};

/// How long is waited for the other side to follow.
const PATIENCE: Duration = Duration::from_secs(5);

/// A cleanup that was asked for.
pub struct Cleaned {
    /// What was reviewed.
    pub review: Review,
    /// The id by which it can be taken back; `None` if nothing was to be removed.
    pub id: Option<OperationId>,
    /// What became of the rows of each side; `None` where the side had none, or nothing was to be removed.
    pub sides: PerBackend<Option<Result<Removed, Error>>>,
}

/// What was removed from one side.
#[derive(Clone, Copy, Debug)]
pub struct Removed {
    /// How many rows.
    pub rows: u64,
    /// How far the other side has followed.
    pub mirror: MirrorState,
}

impl Cleanups {
    /// Reviews a cleanup, and carries it out if that is asked for and nothing speaks against it. Either is kept as evidence first.
    ///
    /// # Errors
    /// [`Error`] if it could not be reviewed, or the evidence could not be kept; nothing was removed then.
    pub async fn clean(&self, asked: &Asked) -> Result<Cleaned, Error> {
        let review = match self.review_of(asked).await {
            Ok(review) => review,
            Err(error) => {
                self.keep_failure(asked, &error).await;
                return Err(error);
            }
        };
        let goes_ahead = asked.execute && review.obstacles.is_empty() && review.rows() > 0;
        let id = goes_ahead.then(OperationId::generate);
        self.keep_review(asked, &review, id).await?;
        let mut sides = PerBackend::default();
        if let Some(id) = id {
            sides = self.remove(&review, id).await;
            let repository = &self.of(asked.repository).name;
            for (backend, removed) in sides.iter() {
                match removed {
                    None => {}
                    Some(Ok(removed)) => {
                        tracing::info!(cleanup = %id, repository, %backend, rows = removed.rows, "a cleanup removed rows");
                    }
                    Some(Err(error)) => {
                        tracing::warn!(cleanup = %id, repository, %backend, %error, "a cleanup failed");
                    }
                }
            }
            self.keep_removal(asked, &review, id, &sides).await;
        }
        Ok(Cleaned { review, id, sides })
    }

    /// Removes reviewed rows from each side, that side first whose rows refer to rows of the other.
    async fn remove(&self, review: &Review, id: OperationId) -> PerBackend<Option<Result<Removed, Error>>> {
        let mut sides = PerBackend::default();
        let order = if review.crosses.new {
            [Backend::New, Backend::Old]
        } else {
            Backend::ALL
        };
        for side in order {
            let rows: Vec<&Going> = review.rows.iter().filter(|going| going.authority == side).collect();
            if rows.is_empty() {
                continue;
            }
            let done = self.remove_from(side, review, &rows, id).await;
            let goes_on = match &done {
                Ok(removed) => !review.crosses[side] || removed.mirror == MirrorState::Done,
                Err(_) => false,
            };
            sides[side] = Some(done);
            if !goes_on {
                break;
            }
        }
        sides
    }

    async fn remove_from(
        &self,
        side: Backend,
        review: &Review,
        rows: &[&Going],
        id: OperationId,
    ) -> Result<Removed, Error> {
        let epoch: Epoch = review.in_force.epoch;
        let mut by_repository: BTreeMap<RepositoryId, Vec<&Going>> = BTreeMap::new();
        for going in rows {
            by_repository.entry(going.repository).or_default().push(going);
        }
        let mut tables = Vec::with_capacity(by_repository.len());
        for id in in_order(by_repository.keys().copied().collect(), &review.references) {
            let mut rows = by_repository.remove(&id).unwrap_or_default();
            // Rows are put back in the opposite order.
            rows.sort_by_key(|going| std::cmp::Reverse(going.depth));
            let removed = rows.iter().map(|going| {
                let key: &RawValue = serde_json::from_str(&going.row.key).map_err(|_| BackendError::Unexpected {
                    backend: side,
                    reason: "a key is no JSON".to_owned(),
                })?;
                Ok(RemovedRow {
                    key,
                    hash: &going.row.hash,
                })
            });
            let repository = self.of(id);
            tables.push(ReviewedTable {
                schema: &repository.schema,
                table: &repository.table,
                rows: removed.collect::<Result<_, BackendError>>()?,
            });
        }
        let transaction = self.sides[side]
            .remove_reviewed(&id.to_string(), epoch, &tables)
            .await?;
        let mirror = if rows.iter().any(|going| going.is_mirrored) {
            self.mirror.hurry(side);
            self.mirror.mirrored(side, transaction, PATIENCE).await
        } else {
            MirrorState::Off
        };
        Ok(Removed {
            rows: rows.len() as u64,
            mirror,
        })
    }
}

/// Repositories in an order in which rows can go: those first that refer to others. In a circle any may come first.
fn in_order(mut left: Vec<RepositoryId>, references: &HashSet<(RepositoryId, RepositoryId)>) -> Vec<RepositoryId> {
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |parent: &RepositoryId| {
            !left
                .iter()
                .any(|child| child != parent && references.contains(&(*child, *parent)))
        };
        let place = left.iter().position(is_free).unwrap_or(0);
        order.push(left.remove(place));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_refer_to_others_come_first() {
        let [clients, bookings, payments] = [0, 1, 2].map(RepositoryId);
        let references = HashSet::from([
            (bookings, clients),
            (payments, bookings),
            (payments, clients),
            (clients, clients),
        ]);
        assert_eq!(
            in_order(vec![clients, bookings, payments], &references),
            [payments, bookings, clients]
        );
        let circle = HashSet::from([(clients, bookings), (bookings, clients)]);
        assert_eq!(in_order(vec![clients, bookings], &circle), [clients, bookings]);
    }
}
