use sqlx::Row as _;
use turnout_vocabulary::PerBackend;

use crate::database::Database;
use crate::error::Error;
use crate::schema::{SchemaDifference, Shape, compare};
use crate::sql::Parameter;

impl Database {
    /// What is compared of the table of each repository, in their order; `None` where there is no table.
    async fn shapes(&self) -> Result<Vec<Option<Shape>>, Error> {
        let served = self.repositories();
        let schemas: Vec<String> = served.iter().map(|repository| repository.schema.clone()).collect();
        let tables: Vec<String> = served.iter().map(|repository| repository.name.clone()).collect();
        let rows = self
            .call(
                include_str!("../schema/shape.sql"),
                &[Parameter::List(&schemas), Parameter::List(&tables)],
            )
            .await?;
        let found = self.read(&rows, |row| {
            let shape = serde_json::from_str(row.try_get(1)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok((row.try_get::<i64, _>(0)?, shape))
        })?;
        let mut shapes = vec![None; served.len()];
        for (place, shape) in found {
            if let Some(place) = usize::try_from(place - 1).ok().and_then(|place| shapes.get_mut(place)) {
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
            &format!("{}.{}", repository.schema, repository.name),
            PerBackend { old, new },
        ),
        _ => Vec::new(),
    });
    Ok(compared.collect())
}
