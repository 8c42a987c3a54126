use turnout_vocabulary::{Repository, RepositoryId};

use crate::database::Database;
use crate::error::Error;

impl Database {
    /// Makes the table that a baseline inserts into; one that is there goes first.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn make_scratch(&self) -> Result<(), Error> {
        self.call("select turnout.make_scratch()::text", &[]).await
    }

    /// Removes that table.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn drop_scratch(&self) -> Result<(), Error> {
        self.call("select turnout.drop_scratch()::text", &[]).await
    }

    /// That table, as a repository with this number.
    #[must_use]
    pub fn scratch(id: RepositoryId) -> Repository {
        Repository {
            id,
            name: "scratch".to_owned(),
            table: "scratch".to_owned(),
            schema: "turnout".to_owned(),
            key: vec!["id".to_owned()],
            subject: None,
            compared: Vec::new(),
        }
    }
}
