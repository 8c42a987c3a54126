//! Commits that are on disk before they are acknowledged.

use sqlx::{Executor as _, PgConnection};

/// Raises `synchronous_commit` to `on` for the session where the role, the database or the server has it `off`: a crash of
/// the server would lose writes that were acknowledged. Any other value is kept, as each of them is durable.
const RAISE: &str =
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

/// Makes the commits of a new session durable.
pub(super) async fn ensure(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(RAISE).await.map(drop)
}
