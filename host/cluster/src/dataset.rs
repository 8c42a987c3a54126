//! The dataset of the demo and the tests: the bookings of a salon in the seven tables of the application that moves, with 1,299 clients.
//! The rows are the same wherever and whenever they are loaded.

use sqlx::{Connection, PgConnection, raw_sql};

use crate::ClusterError;

/// The SQL that makes the empty tables.
pub const SCHEMA: &str = include_str!("../dataset/schema.sql");
/// The SQL that fills the tables.
pub const ROWS: &str = include_str!("../dataset/rows.sql");
/// The phone of the client with whom staged rollouts start. The client is among the rows.
pub const TEST_PHONE: &str = "89686484488";

/// Makes and fills the tables in the database at `url`, which must not have such tables yet.
///
/// # Errors
/// [`ClusterError::Dataset`] if the database can't be reached or has such tables already. The database is unchanged then.
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
