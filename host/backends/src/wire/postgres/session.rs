use futures::future::BoxFuture;
use sqlx::AssertSqlSafe;
use tokio::time::timeout;

use super::checkout::Checkout;
use super::{Pool, query};
use crate::sql::Statement;
use crate::wire::{Answer, Failure, Session};

/// A connection in use by one transaction. Unless this has come to its end by the time it is dropped, the connection is
/// closed, and with it the transaction is rolled back.
pub(super) struct Transaction<'a> {
    pub(super) pool: &'a Pool,
    pub(super) checkout: Checkout<'a>,
}

impl Pool {
    /// A connection on which this statement has begun a transaction. One that breaks there is replaced once.
    pub(super) async fn begin_transaction(&self, statement: &str) -> Result<Transaction<'_>, Failure> {
        let mut again = true;
        loop {
            let mut transaction = Transaction {
                pool: self,
                checkout: self.acquire().await.map_err(Failure::NotSent)?,
            };
            match transaction.say(statement).await {
                Err(Failure::Broke(_)) if again => again = false,
                begun => return begun.map(|()| transaction),
            }
        }
    }
}

impl Transaction<'_> {
    /// Sends statements without parameters, of our own making, that answer with nothing.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let Self { pool, checkout } = self;
        let query = sqlx::raw_sql(AssertSqlSafe(text));
        let answer = Box::pin(timeout(pool.patience(), query.execute(&mut checkout.connection))).await;
        pool.understand(checkout.made, answer).map(drop)
    }

    /// Ends the transaction by this statement, and gives the connection back.
    pub(super) async fn finish(mut self, end: &str) -> Result<(), Failure> {
        let ended = self.say(end).await;
        if matches!(ended, Ok(()) | Err(Failure::Refused(_))) {
            self.pool.give_back(self.checkout);
        }
        ended
    }

    pub(super) async fn ask(&mut self, statement: &Statement<'_>) -> Result<Answer, Failure> {
        let Self { pool, checkout } = self;
        let answer = timeout(pool.patience(), query(statement).fetch_one(&mut checkout.connection)).await;
        let row = pool.understand(checkout.made, answer)?;
        pool.read(&row).map_err(Failure::Refused)
    }
}

impl Session for Transaction<'_> {
    fn run<'a>(&'a mut self, statement: &'a Statement<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.ask(statement))
    }

    fn end<'a>(self: Box<Self>, commit: bool) -> BoxFuture<'a, Result<(), Failure>>
    where
        Self: 'a,
    {
        Box::pin(self.finish(if commit { "commit" } else { "rollback" }))
    }
}
