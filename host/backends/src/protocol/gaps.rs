use std::fmt;

use serde::{Deserialize, Serialize};
use turnout_vocabulary::{Backend, Repository};

use super::names;
use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// A repository whose changes on one side may not all have been captured, so that both sides must be compared. `Display` says it
/// in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The side.
    pub backend: Backend,
    /// The name of the repository.
    pub repository: String,
    /// What is known.
    pub kind: GapKind,
}

/// What is known of a gap in capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// The table is not served, as the installation found a reason, or does not know it.
    NotServed(Option<String>),
    /// There is no such table.
    Missing,
    /// The table lacks these columns of the key or the subject, now.
    Without(String),
    /// Triggers are missing or switched off, now.
    Uncaptured,
    /// It was not compared since it is captured.
    NotCompared,
    /// The table has another file, or is another one.
    Replaced,
    /// Its triggers are other ones, or were switched; or a column of the key or the subject was changed.
    Switched,
}

impl Gap {
    /// Whether changes are missed now: a comparison would prove nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self.kind,
            GapKind::NotServed(_) | GapKind::Missing | GapKind::Without(_) | GapKind::Uncaptured
        )
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            backend,
            repository,
            kind,
        } = self;
        match kind {
            GapKind::NotServed(Some(reason)) => write!(
                f,
                "{repository} can't be captured on {backend}: {reason}; mend that and run `turnout install {backend}`"
            ),
            GapKind::NotServed(None) => write!(
                f,
                "{repository} is not captured on {backend}: run `turnout install {backend}`"
            ),
            GapKind::Missing => write!(f, "the table of {repository} is missing on {backend}: restore it"),
            GapKind::Without(columns) => write!(
                f,
                "{repository} has no column {columns} on {backend}, which its key or subject is in: give the column its name back, or \
                 name another in turnout.toml and run `turnout install {backend}` and `turnout apply`"
            ),
            GapKind::Uncaptured => write!(
                f,
                "triggers of Turnout on {repository} are missing or switched off on {backend}: run `turnout install {backend}`"
            ),
            GapKind::NotCompared => write!(f, "{repository} was not compared since it is captured on {backend}"),
            GapKind::Replaced => write!(
                f,
                "{repository} was truncated, rewritten, replaced or restored on {backend}"
            ),
            GapKind::Switched => write!(
                f,
                "the triggers of Turnout on {repository} were switched off on {backend}, or a column of its key or subject was changed"
            ),
        }
    }
}

/// What a table looked like to capture before a comparison began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    files: String,
    triggers: String,
}

/// What is found of a table.
#[derive(Deserialize)]
struct Found {
    /// Its place among those asked for, from 1.
    place: usize,
    gap: String,
    reason: Option<String>,
}

impl Database {
    /// The repositories whose changes here may not all have been captured.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn gaps(&self) -> Result<Vec<Gap>, Error> {
        let served = self.repositories();
        let found: Vec<Found> = self
            .rows(
                "select asked.place, case when served.number is null then 'not served' else found.gap end as gap, refused.reason \
                 from unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place) \
                 left join turnout.repository as served using (schema_name, table_name) \
                 left join turnout.refused using (schema_name, table_name) \
                 left join turnout.gaps() as found using (schema_name, table_name) \
                 where served.number is null or found.gap is not null",
                &names(served),
            )
            .await?;
        let gaps = found.into_iter().filter_map(|Found { place, gap, reason }| {
            let repository = served.get(place.checked_sub(1)?)?;
            let kind = match gap.as_str() {
                "not served" => GapKind::NotServed(reason),
                "missing" => GapKind::Missing,
                "uncaptured" => GapKind::Uncaptured,
                "never" => GapKind::NotCompared,
                "replaced" => GapKind::Replaced,
                other => match other.strip_prefix("without ") {
                    Some(columns) => GapKind::Without(columns.to_owned()),
                    None => GapKind::Switched,
                },
            };
            Some(Gap {
                backend: self.backend(),
                repository: repository.name.clone(),
                kind,
            })
        });
        Ok(gaps.collect())
    }

    /// To be asked before both sides of a repository are compared. Triggers that fire only for usual sessions fire always again.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn before_comparison(&self, repository: &Repository) -> Result<Traces, Error> {
        self.row(
            "select coalesce(files, '') as files, coalesce(triggers, '') as triggers from turnout.before_comparison($1, $2)",
            &[Parameter::text(&repository.schema), Parameter::text(&repository.table)],
        )
        .await
    }

    /// Notes that both sides of a repository have been compared, with the traces from before. What changed since stays a gap.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn compared(&self, repository: &Repository, before: &Traces) -> Result<(), Error> {
        self.call(
            "select turnout.compared($1, $2, $3, $4)::text",
            &[
                Parameter::text(&repository.schema),
                Parameter::text(&repository.table),
                Parameter::text(&before.files),
                Parameter::text(&before.triggers),
            ],
        )
        .await
    }

    /// Notes that both sides of a repository must be compared, also if its table soon looks again as it did.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn must_be_compared(&self, repository: &Repository) -> Result<(), Error> {
        self.call(
            "select turnout.compared($1, $2, null, null)::text",
            &[Parameter::text(&repository.schema), Parameter::text(&repository.table)],
        )
        .await
    }
}
