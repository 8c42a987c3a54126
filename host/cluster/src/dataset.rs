//! The bookings of a salon: the seven tables of the application that moves, with 1,299 clients. The rows are the same
//! wherever and whenever they are loaded.

use sqlx::{Connection, PgConnection, raw_sql};

use crate::ClusterError;

/// Makes the tables, empty.
pub const SCHEMA: &str = include_str!("../dataset/schema.sql");
/// Fills the tables.
pub const ROWS: &str = include_str!("../dataset/rows.sql");
/// The phone of the client with whom staged rollouts start; it is among the rows.
pub const TEST_PHONE: &str = "89686484488";

/// Makes and fills the tables in the database at `url`, which has none of them yet.
///
/// # Errors
/// [`ClusterError::Dataset`] if the database can't be reached or has such tables already; it is unchanged then.
pub async fn load(url: &str) -> Result<(), ClusterError> {
    let mut connection = PgConnection::connect(url).await.map_err(ClusterError::Dataset)?;
    let mut transaction = connection.begin().await.map_err(ClusterError::Dataset)?;
    for script in [SCHEMA, ROWS] {
        raw_sql(script)
            .execute(&mut *transaction)
            .await
            .map_err(ClusterError::Dataset)?;
    }
    transaction.commit().await.map_err(ClusterError::Dataset)?;
    connection.close().await.map_err(ClusterError::Dataset)
}
