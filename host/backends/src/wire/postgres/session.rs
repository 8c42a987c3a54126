use std::borrow::Cow;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::time::timeout;

use super::checkout::Checkout;
use super::{Pool, ask};
use crate::sql::Statement;
use crate::wire::list::{texts, texts_alone};
use crate::wire::{Answer, Failure, Isolation, Listed, Undone, Why};

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

impl Pool {
    /// Runs a list of statements in one transaction.
    pub(super) async fn transact_list(
        &self,
        list: &[Listed<'_>],
        isolation: Isolation,
    ) -> Result<Vec<Answer>, Undone<Failure>> {
        let begin = format!("begin isolation level {}", isolation.as_sql());
        let mut transaction = self.begin_transaction(&begin).await.map_err(|failure| {
            Undone::nowhere(match failure {
                // Whatever became of it, nothing was done.
                Failure::Broke(_) | Failure::Silent => Failure::NotSent(failure.into_error(self.reach.backend, false)),
                failure => failure,
            })
        })?;
        let mut answers = Vec::with_capacity(list.len());
        for (at, listed) in list.iter().enumerate() {
            let Err(why) = transaction.advance(listed, &mut answers).await else {
                continue;
            };
            if !matches!(why, Why::Failed(Failure::Broke(_) | Failure::Silent)) {
                // If this fails the connection is closed, which takes the transaction back too.
                let _ = transaction.finish("rollback").await;
            }
            return Err(Undone { at: Some(at), why });
        }
        transaction.finish("commit").await.map_err(Undone::nowhere)?;
        Ok(answers)
    }
}

impl Pool {
    /// Runs a statement that may take no longer than this, if it is limited, in a transaction around it. PostgreSQL heeds the limit from the
    /// next statement on.
    pub(super) async fn transact(&self, statement: &Statement<'_>, limit: Option<Duration>) -> Result<Answer, Failure> {
        let begin = match limit {
            Some(limit) => format!("begin; set local statement_timeout = {}", limit.as_millis().max(1)),
            None => "begin".to_owned(),
        };
        let mut transaction = self.begin_transaction(&begin).await?;
        let answer = transaction.ask(statement).await;
        match &answer {
            Err(Failure::Broke(_) | Failure::Silent) => {}
            Ok(_) if !statement.rollback => transaction.finish("commit").await?,
            _ => {
                // If this fails the connection is closed, which takes the transaction back too.
                let _ = transaction.finish("rollback").await;
            }
        }
        answer
    }
}

impl Transaction<'_> {
    /// Runs one statement of a list.
    async fn advance(&mut self, listed: &Listed<'_>, answers: &mut Vec<Answer>) -> Result<(), Why<Failure>> {
        let statement = listed.statement();
        let parameters = texts(statement, answers).map_err(Why::Unresolved)?;
        let answer = self.ask_with(statement, &parameters).await.map_err(Why::Failed)?;
        listed.settle(answer, answers, self.pool.reach.backend)
    }

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
        let parameters = texts_alone(statement, self.pool.reach.backend).map_err(Failure::NotSent)?;
        self.ask_with(statement, &parameters).await
    }

    async fn ask_with(
        &mut self,
        statement: &Statement<'_>,
        parameters: &[Option<Cow<'_, str>>],
    ) -> Result<Answer, Failure> {
        let Self { pool, checkout } = self;
        let asked = ask(&mut checkout.connection, statement, parameters);
        let answer = timeout(pool.patience(), asked).await;
        if statement.read_only
            && let Ok(Err(error)) = &answer
            && let Some(refused) = pool.refused_change(error)
        {
            // It is the statement that is read-only, and not the session.
            return Err(Failure::Refused(refused));
        }
        let rows = pool.understand(checkout.made, answer)?;
        pool.read_all(statement, &rows).map_err(Failure::Refused)
    }
}
