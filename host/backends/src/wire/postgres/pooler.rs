use sqlx::{Connection as _, PgConnection, Row as _};

use super::Pool;
use crate::error::Error;

/// Asks which server process answers. Without parameters, so that nothing has to be prepared: what is prepared in one server
/// process is not known to another.
const WHO: &str = "select pg_backend_pid()";

impl Pool {
    /// Why a pooler in transaction mode seems to stand in front of the database, in words; `None` if none does.
    pub(super) async fn pooler(&self) -> Result<Option<String>, Error> {
        let backend = self.reach.backend;
        let said = |how: &str| {
            format!(
                "a pooler in transaction mode stands in front of backend {backend} ({how}), which loses session settings and \
                 prepared statements: give the url a port in session mode (Supabase: 5432 instead of 6543), or that of \
                 PostgreSQL itself"
            )
        };
        let mut first = match self.connect().await {
            Ok(connection) => connection,
            Err(Error::Unavailable { reason, .. }) if is_poolers(&reason) => return Ok(Some(said(&reason))),
            Err(error) => return Err(error),
        };
        let mut second = self.connect().await?;
        let refused = |error| self.answered(error);
        let before = who(&mut first).await.map_err(refused)?;
        // A pooler lends the session that has just come back, and keeps it lent until this transaction ends.
        let mut transaction = second.begin().await.map_err(refused)?;
        let between = who(&mut transaction).await.map_err(refused)?;
        let after = who(&mut first).await.map_err(refused)?;
        transaction.rollback().await.map_err(refused)?;
        let _ = tokio::join!(first.close(), second.close());
        Ok(is_shared(before, between, after).then(|| said("one connection was answered by two server processes")))
    }
}

async fn who(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::Executor::fetch_one(connection, sqlx::raw_sql(WHO))
        .await?
        .try_get(0)
}

/// Whether the server processes that answered two connections by turns belong to neither of them.
fn is_shared(before: i32, between: i32, after: i32) -> bool {
    before != after || before == between
}

/// Whether a connection was refused by a pooler: `PgBouncer` takes no options at the start of a session.
fn is_poolers(reason: &str) -> bool {
    reason.contains("unsupported startup parameter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_answers_two_connections_is_a_poolers() {
        assert!(!is_shared(1, 2, 1), "each connection has its own");
        assert!(
            is_shared(1, 1, 2),
            "the second connection was lent the session of the first"
        );
        assert!(is_shared(1, 2, 3), "the first connection was given another");
        assert!(is_shared(1, 1, 1));
    }

    #[test]
    fn a_pooler_that_refuses_the_options_of_a_session_is_known_by_its_words() {
        assert!(is_poolers(
            "error returned from database: unsupported startup parameter: options"
        ));
        assert!(!is_poolers("connection refused"));
    }
}
