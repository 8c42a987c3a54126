use turnout_vocabulary::{Epoch, Repository};

use super::fence::number;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;
use crate::wire::Json;

impl Database {
    /// The texts of the subject column, each once; one `None` for a table without such a column.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn all_subjects(&self, repository: &Repository) -> Result<Vec<Option<String>>, Error> {
        let Json(subjects) = self
            .value(
                "select coalesce(json_agg(subject), '[]')::text from turnout.subjects($1, $2) as subject",
                &[Parameter::text(&repository.schema), Parameter::text(&repository.table)],
            )
            .await?;
        Ok(subjects)
    }

    /// Marks keys dirty here, each with its subject, under an epoch that must still be let in.
    ///
    /// # Errors
    /// [`Error::Fenced`] if the epoch is over, else as [`execute`](Self::execute).
    pub async fn mark(
        &self,
        repository: &Repository,
        keys: &[(String, Option<String>)],
        epoch: Epoch,
    ) -> Result<i64, Error> {
        self.value(
            "select turnout.mark($1, $2, array_agg(entry ->> 0 order by place), array_agg(entry ->> 1 order by place), $4::int8)::text \
             from json_array_elements($3::json) with ordinality as given (entry, place)",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::json(&keys),
                number(epoch),
            ],
        )
        .await
    }
}
