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

/// The SQL that adds what tests leave behind: three clients with the marks of test rows, and two bookings.
const TEST_ROWS: &str = include_str!("../dataset/test_rows.sql");

/// Makes and fills the tables in the database at `url`, which must not have such tables yet.
///
/// # Errors
/// [`ClusterError::Dataset`] if the database can't be reached or has such tables already. The database is unchanged then.
pub async fn load(url: &str) -> Result<(), ClusterError> {
    run(url, &[SCHEMA, ROWS]).await.map_err(ClusterError::Dataset)
}

/// The same, with rows that carry the marks of test rows.
///
/// # Errors
/// As [`load`].
pub async fn load_with_test_rows(url: &str) -> Result<(), ClusterError> {
    run(url, &[SCHEMA, ROWS, TEST_ROWS])
        .await
        .map_err(ClusterError::Dataset)
}

/// Runs scripts in one transaction.
async fn run(url: &str, scripts: &[&'static str]) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let mut transaction = connection.begin().await?;
    for script in scripts {
        raw_sql(*script).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    connection.close().await
}
