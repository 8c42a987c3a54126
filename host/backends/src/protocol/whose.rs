use sqlx::Row as _;
use turnout_vocabulary::Repository;

use crate::connections::Session;
use crate::database::Database;
use crate::error::Error;
use crate::sql::{Statement, distinct_subjects, sampled_subjects};

/// How many texts one page holds.
const PAGE: usize = 1000;

/// A moment of one database: it tells row versions that were written before from those that may have been written since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment(String);

/// The distinct texts of a subject column, in the order of their bytes, page by page: a table may have more subjects than
/// memory should hold.
pub struct SubjectPages<'d> {
    database: &'d Database,
    session: Session<'d>,
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
        let mut session = self
            .protocol()
            .begin("begin isolation level repeatable read read only")
            .await?;
        let moment = "select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid::text";
        let moment = Statement::new(moment, &[]);
        let moment = session.run(&moment).await?.try_get(0);
        let moment = Moment(moment.map_err(|error| self.unexpected(&error))?);
        // All of it is read, so a plan that is quick to begin but slow to end is the wrong one.
        session
            .prepare(&format!(
                "set local row_security = off; set local cursor_tuple_fraction = 1; set local jit = off; \
                 declare turnout_subjects no scroll cursor for {}",
                texts.text
            ))
            .await?;
        Ok(Some(SubjectPages {
            database: self,
            session,
            moment,
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
        let sample = sampled_subjects(self.table(&schema, repository)?, column, most)?;
        let rows = self.protocol().rows(&sample).await?;
        self.read(&rows, |row| row.try_get(0))
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
        statement.text = format!("select count(*) from ({}) as counted", statement.text);
        let counted = self.protocol().run(&statement, true).await?.try_get::<i64, _>(0);
        Ok(counted.map_err(|error| self.unexpected(&error))?.unsigned_abs())
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
        let fetch = Statement::new(&format!("fetch {PAGE} from turnout_subjects"), &[]);
        let rows = self.session.rows(&fetch).await?;
        self.database.read(&rows, |row| row.try_get(0))
    }

    /// Gives the connection back.
    pub async fn close(self) {
        // If this fails the connection is closed, which ends the transaction too.
        let _ = self.session.end("rollback").await;
    }
}
