use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::value::RawValue;
use tokio::time::sleep;
use turnout_backends::{Database, Error};
use turnout_compare::Columns;
use turnout_vocabulary::{
    Column, Comparison, Epoch, Filter, Find, Operand, Operator, Outcome, PerBackend, Repository, Request, Selected,
    TransactionSettings,
};

use super::cohort::Cohort;
use super::traffic::Query;

/// How long is rested between two comparisons.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the cohort has rows, and how they are found.
pub(super) struct CohortRows {
    tables: Vec<Rows>,
}

struct Rows {
    repository: Repository,
    /// The text of the subject that its rows have.
    spelled: String,
    find: Request,
}

impl CohortRows {
    /// Looks for rows of the cohort on both sides, spelled as the settings spell it or as the host does.
    pub(super) async fn find(
        sides: &PerBackend<Database>,
        repositories: &[Repository],
        cohort: &Cohort,
    ) -> Result<Self> {
        let mut tables = Vec::new();
        for repository in repositories {
            let Some(column) = &repository.subject else { continue };
            let columns = Columns::configured(sides, repository).await?.common;
            for spelled in [cohort.written.as_str(), cohort.subject.as_str()] {
                let rows = Rows {
                    repository: repository.clone(),
                    spelled: spelled.to_owned(),
                    find: find(column, spelled, &columns),
                };
                let known = |known: &Rows| known.repository.id == repository.id && known.spelled == spelled;
                if !tables.iter().any(known) && rows.are_there(sides).await? {
                    tables.push(rows);
                }
            }
        }
        Ok(Self { tables })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The repositories that have rows of the cohort.
    pub(super) fn repositories(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.iter().map(|rows| rows.repository.name.clone()).collect();
        names.dedup();
        names
    }

    /// The reads of these rows, as the application makes them.
    pub(super) fn queries(&self) -> Vec<Query> {
        let query = |rows: &Rows| Query {
            table: rows.repository.table.clone(),
            schema: rows.repository.schema.clone(),
            column: rows.repository.subject.clone().unwrap_or_default(),
            subject: rows.spelled.clone(),
        };
        self.tables.iter().map(query).collect()
    }

    /// The repositories whose rows of the cohort differ between the sides, once those that are on their way had this time to arrive.
    pub(super) async fn different(&self, sides: &PerBackend<Database>, patience: Duration) -> Result<Vec<String>> {
        let began = Instant::now();
        loop {
            let mut different = Vec::new();
            for rows in &self.tables {
                if !rows.are_equal(sides).await? {
                    different.push(rows.repository.name.clone());
                }
            }
            if different.is_empty() || began.elapsed() >= patience {
                return Ok(different);
            }
            sleep(PAUSE).await;
        }
    }
}

impl Rows {
    async fn are_there(&self, sides: &PerBackend<Database>) -> Result<bool, Error> {
        Ok(self.of_both(sides).await?.iter().any(|found| found.rows > 0))
    }

    async fn are_equal(&self, sides: &PerBackend<Database>) -> Result<bool> {
        let both = self.of_both(sides).await?;
        // The sides may order texts differently.
        let both: Vec<_> = both.iter().map(texts).collect::<Result<_>>()?;
        Ok(both.windows(2).all(|sides| sides[0] == sides[1]))
    }

    /// The rows of both sides, whichever is the authority. Their texts are those of one time zone.
    async fn of_both(&self, sides: &PerBackend<Database>) -> Result<Vec<Outcome>, Error> {
        let settings = TransactionSettings {
            timezone: Some("UTC".to_owned()),
            ..TransactionSettings::default()
        };
        let epoch = sides.old.newest_epochs().await?.newest.unwrap_or(Epoch::new(0));
        let mut both = Vec::new();
        for (_, database) in sides.iter() {
            both.push(
                database
                    .execute_in(&self.repository, &self.find, &settings, epoch)
                    .await?,
            );
        }
        Ok(both)
    }
}

/// The rows of an answer as texts, in order.
fn texts(outcome: &Outcome) -> Result<Vec<String>> {
    let rows: Vec<Box<RawValue>> = serde_json::from_str(&outcome.body).context("rows of the cohort can't be read")?;
    let mut texts: Vec<String> = rows.iter().map(|row| row.get().to_owned()).collect();
    texts.sort_unstable();
    Ok(texts)
}

fn find(column: &str, subject: &str, columns: &[String]) -> Request {
    let selected = |name: &String| {
        Selected::Column(Column {
            field: name.as_str().into(),
            alias: None,
            cast: None,
            aggregate: None,
        })
    };
    Request::Find(Find {
        select: columns.iter().map(selected).collect(),
        filter: Filter::Compare(Comparison {
            field: column.into(),
            operator: Operator::Eq,
            operand: Operand::Value(subject.to_owned()),
        }),
        ..Find::default()
    })
}
