use turnout_vocabulary::Repository;

use crate::connections::Pages;
use crate::database::Database;
use crate::error::Error;
use crate::sql::{Statement, distinct_subjects, sampled_subjects};
use crate::wire::Json;

/// A moment of one database: it tells row versions that were written before from those that may have been written since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment(String);

/// The distinct texts of a subject column, in the order of their bytes, page by page: a table may have more subjects than
/// memory should hold.
pub struct SubjectPages<'d> {
    pages: Pages<'d>,
    moment: Moment,
}

impl Database {
    /// Begins to read the subjects of a repository's rows: all, or those of the rows that were written since a moment. Rows
    /// that the role may not see are an error. `None` if the repository has no subject column.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn subject_pages(
        &self,
        repository: &Repository,
        since: Option<&Moment>,
    ) -> Result<Option<SubjectPages<'_>>, Error> {
        let Some(column) = &repository.subject else {
            return Ok(None);
        };
        let schema = self.schema().await?;
        let table = self.table(&schema, repository)?;
        let texts = distinct_subjects(table, column, since.map(|moment| moment.0.as_str()))?;
        let moment = "select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid::text";
        let (mut answer, pages) = self.protocol().pages(Statement::new(moment, &[]), texts).await?;
        let moment = answer.take(0).map_err(|misread| self.misread(&misread))?;
        Ok(Some(SubjectPages {
            pages,
            moment: Moment(moment),
        }))
    }

    /// The texts of the subject column of at most so many rows, null aside, from all over the table; none if the repository has no
    /// subject column.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn subject_sample(&self, repository: &Repository, most: u32) -> Result<Vec<String>, Error> {
        let Some(column) = &repository.subject else {
            return Ok(Vec::new());
        };
        let schema = self.schema().await?;
        let mut statement = sampled_subjects(self.table(&schema, repository)?, column, most)?;
        statement.text = format!(
            "select coalesce(json_agg(text), '[]')::text from ({}) as sample (text)",
            statement.text
        );
        let mut sample = self.protocol().run(&statement, true).await?;
        let Json(texts) = sample.take(0).map_err(|misread| self.misread(&misread))?;
        Ok(texts)
    }

    /// How many distinct texts the subject column of a repository holds, null aside.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn subject_count(&self, repository: &Repository) -> Result<u64, Error> {
        let Some(column) = &repository.subject else {
            return Ok(0);
        };
        let schema = self.schema().await?;
        let mut statement = distinct_subjects(self.table(&schema, repository)?, column, None)?;
        statement.text = format!("select count(*)::text from ({}) as counted", statement.text);
        let mut counted = self.protocol().run(&statement, true).await?;
        counted.take(0).map_err(|misread| self.misread(&misread))
    }
}

impl SubjectPages<'_> {
    /// Before this moment nothing was written that these pages lack.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment.clone()
    }

    /// The next page; empty after the last.
    ///
    /// # Errors
    /// As [`Database::execute`].
    pub async fn next(&mut self) -> Result<Vec<String>, Error> {
        self.pages.next().await
    }

    /// Gives the connection back.
    pub async fn close(self) {
        self.pages.close().await;
    }
}
