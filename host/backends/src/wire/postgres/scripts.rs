use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::Pool;
use crate::error::Error;

impl Pool {
    /// Runs scripts in one transaction on a connection of their own.
    pub(super) async fn transact_scripts(&self, scripts: &[String], rehearse: bool) -> Result<Vec<String>, Error> {
        let mut connection = self.connect().await?;
        let answer = transact(&mut connection, scripts, rehearse).await;
        answer.map_err(|error| self.answered(error))
    }
}

async fn transact(
    connection: &mut PgConnection,
    scripts: &[String],
    rehearse: bool,
) -> Result<Vec<String>, sqlx::Error> {
    // PostgreSQL tells of each object that is there already, or is not there to be dropped.
    connection.execute("set client_min_messages = warning").await?;
    let mut transaction = connection.begin().await?;
    let mut texts = Vec::new();
    for script in scripts {
        let rows = transaction
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(script.as_str())))
            .await?;
        texts.extend(rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok()));
    }
    if rehearse {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(texts)
}
