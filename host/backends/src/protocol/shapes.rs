use serde::Deserialize;
use turnout_vocabulary::PerBackend;

use super::names;
use crate::database::Database;
use crate::error::Error;
use crate::schema::{SchemaDifference, Shape, compare};

/// What is compared of a table.
#[derive(Deserialize)]
struct Found {
    /// Its place among those asked for, from 1.
    place: usize,
    shape: Shape,
}

impl Database {
    /// What is compared of the table of each repository, in their order; `None` where there is no table.
    async fn shapes(&self) -> Result<Vec<Option<Shape>>, Error> {
        let served = self.repositories();
        let found: Vec<Found> = self.rows(include_str!("../schema/shape.sql"), &names(served)).await?;
        let mut shapes = vec![None; served.len()];
        for Found { place, shape } in found {
            if let Some(place) = place.checked_sub(1).and_then(|place| shapes.get_mut(place)) {
                *place = Some(shape);
            }
        }
        Ok(shapes)
    }
}

/// What differs between the two sides of each repository's table, in the order of the repositories. A table that a side lacks
/// is not compared.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn schema_differences(backends: &PerBackend<Database>) -> Result<Vec<Vec<SchemaDifference>>, Error> {
    let (old, new) = tokio::try_join!(backends.old.shapes(), backends.new.shapes())?;
    let sides = old.iter().zip(&new).zip(backends.old.repositories());
    let compared = sides.map(|((old, new), repository)| match (old, new) {
        (Some(old), Some(new)) => compare(
            &format!("{}.{}", repository.schema, repository.table),
            PerBackend { old, new },
        ),
        _ => Vec::new(),
    });
    Ok(compared.collect())
}
