use futures::future::BoxFuture;
use sqlx::Row as _;
use tokio::time::timeout;

use super::Pool;
use super::session::Transaction;
use crate::sql::Statement;
use crate::wire::{Answer, Failure, Pages};

/// The next page. A page holds a thousand texts.
const FETCH: &str = "fetch 1000 from turnout_pages";

/// A cursor.
pub(super) struct Cursor<'a>(Transaction<'a>);

impl Pool {
    pub(super) async fn begin_pages(
        &self,
        question: &Statement<'_>,
        query: &Statement<'_>,
    ) -> Result<(Answer, Cursor<'_>), Failure> {
        let begin = "begin isolation level repeatable read read only";
        let mut transaction = self.begin_transaction(begin).await?;
        let answer = transaction.ask(question).await?;
        // All of it is read, so a plan that is quick to begin but slow to end is the wrong one.
        let open = format!(
            "set local row_security = off; set local cursor_tuple_fraction = 1; set local jit = off; \
             declare turnout_pages no scroll cursor for {}",
            query.text
        );
        transaction.say(&open).await?;
        Ok((answer, Cursor(transaction)))
    }
}

impl Pages for Cursor<'_> {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let Transaction { pool, checkout } = &mut self.0;
            let rows = sqlx::query(FETCH).fetch_all(&mut checkout.connection);
            let answer = timeout(pool.patience(), rows).await;
            let rows = pool.understand(checkout.made, answer)?;
            let texts = rows.iter().map(|row| row.try_get(0));
            let texts = texts.collect::<Result<_, _>>();
            texts.map_err(|error| Failure::Refused(pool.answered(error)))
        })
    }

    fn close<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        Box::pin(async move {
            // If this fails the connection is closed, which ends the transaction too.
            let _ = self.0.finish("rollback").await;
        })
    }
}
