use std::time::Duration;

use tokio::time::{sleep, timeout};
use turnout_backends::Error as BackendError;
use turnout_vocabulary::{Backend, Epoch, RepositoryId};

use crate::Run;

/// How long a write waits for rows that it may refer to.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often is looked whether they have arrived.
const GLANCE: Duration = Duration::from_millis(5);

impl Run<'_> {
    /// Waits until the changes of the other side are mirrored that a foreign key of this repository may be about: a write
    /// that such a key refuses may have come before the row that it refers to. Whether the write is worth another attempt.
    pub(crate) async fn await_references(&self, authority: Backend) -> bool {
        timeout(PATIENCE, self.references_arrive(authority))
            .await
            .is_ok_and(|arrived| arrived.is_ok())
    }

    async fn references_arrive(&self, authority: Backend) -> Result<(), BackendError> {
        let source = authority.other();
        let database = &self.pipeline.backends[source];
        let related = self.related(authority).await?;
        let numbers = database.numbers().await?;
        let is_related = |number| {
            let mut related = numbers.iter().filter(|(_, repository)| related.contains(repository));
            related.any(|(of, _)| *of == number)
        };
        loop {
            let leftovers = database.leftovers(Epoch::new(u64::MAX)).await?;
            // What is parked will not arrive.
            if !leftovers
                .iter()
                .any(|leftover| !leftover.parked && is_related(leftover.number))
            {
                return Ok(());
            }
            self.pipeline.mirror.hurry(source);
            sleep(GLANCE).await;
        }
    }

    /// The repositories that foreign keys connect with this one.
    async fn related(&self, authority: Backend) -> Result<Vec<RepositoryId>, BackendError> {
        let schema = self.pipeline.backends[authority].schema().await?;
        let refers = |from, to: &turnout_vocabulary::Repository| {
            let references = schema.table(from).map_or(&[][..], |table| &table.references);
            references
                .iter()
                .any(|to_table| to_table.schema == to.schema && to_table.table == to.table)
        };
        let repositories = self.pipeline.repositories.iter();
        let related = repositories.filter(|of| refers(self.repository, of) || refers(of, self.repository));
        Ok(related.map(|repository| repository.id).collect())
    }
}
