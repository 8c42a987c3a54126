use serde::Deserialize;

use super::names;
use crate::database::Database;
use crate::error::Error;
use crate::install::description;

/// How a table is captured.
#[derive(Deserialize)]
struct Captured {
    /// Its place among those asked for, from 1.
    place: usize,
    key: Option<Vec<String>>,
    subject: Option<String>,
    /// It and those of its partitions that lack triggers.
    bare: Vec<String>,
    refused: Option<String>,
}

impl Database {
    /// What the installation here lacks to capture every change of the tables served, in words; empty if it lacks nothing,
    /// `None` if there is no installation. It is read anew.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn check_capture(&self) -> Result<Option<Vec<String>>, Error> {
        let installed: Option<String> = self
            .value(
                "select obj_description(to_regnamespace('turnout'), 'pg_namespace')",
                &[],
            )
            .await?;
        let Some(installed) = installed else {
            return Ok(None);
        };
        let backend = self.backend();
        if let Some(side) = self.installed_for().await?
            && side != backend
        {
            return Ok(Some(vec![format!(
                "it has the installation of {side}, as a copy of {side} has, and is not used; run `turnout install {backend}`"
            )]));
        }
        if installed != description() {
            return Ok(Some(vec![format!(
                "Turnout is installed as another version has it; run `turnout install {backend}`"
            )]));
        }
        let served = self.repositories();
        let found: Vec<Captured> = self.rows(include_str!("capture.sql"), &names(served)).await?;
        let mut lacks = Vec::new();
        for Captured {
            place,
            key,
            subject,
            bare,
            refused,
        } in found
        {
            let Some(repository) = place.checked_sub(1).and_then(|place| served.get(place)) else {
                continue;
            };
            let table = format!("{}.{}", repository.schema, repository.table);
            if let Some(reason) = refused {
                lacks.push(format!(
                    "table {table} cannot be captured, so it cannot be mirrored: {reason}; mend that and run `turnout install \
                     {backend}`"
                ));
                continue;
            }
            match key {
                None => lacks.push(format!("table {table} is not captured; run `turnout install {backend}`")),
                Some(key) if key != repository.key || subject != repository.subject => lacks.push(format!(
                    "table {table} is captured by another key or subject column than the repository's; run `turnout install \
                     {backend}`"
                )),
                Some(_) => lacks.extend(bare.iter().map(|table| {
                    format!("table {table} lacks working triggers of Turnout, or they do not fire always; run `turnout install {backend}`")
                })),
            }
        }
        Ok(Some(lacks))
    }
}
