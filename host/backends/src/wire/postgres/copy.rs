use futures::TryStreamExt as _;
use tokio::time::timeout;

use super::Pool;
use super::session::Transaction;
use crate::sql::Statement;
use crate::wire::Failure;

impl Pool {
    /// Reads what a query without parameters answers with, as COPY writes it; `None` if that is more than so many bytes.
    pub(super) async fn copy_rows_out(&self, query: &str, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        // The planner may know nothing of a young table, and a chunk is far smaller than its table.
        let begin = "begin read only; set local lock_timeout = '50ms'; set local row_security = off; set local enable_seqscan = off; set local timezone = 'UTC'; \
                     set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1; \
                     set local bytea_output = 'hex'; set local lc_monetary = 'C'";
        let mut transaction = self.begin_transaction(begin).await?;
        let statement = format!("copy ({query}) to stdout");
        let Transaction { pool, checkout } = &mut transaction;
        let read = async {
            let mut rows = checkout.connection.copy_out_raw(&statement).await?;
            let mut all = Vec::new();
            while let Some(more) = rows.try_next().await? {
                if all.len() + more.len() > most {
                    return Ok(None);
                }
                all.extend_from_slice(&more);
            }
            Ok(Some(all))
        };
        let answer = timeout(pool.patience(), read).await;
        let rows = pool.understand(checkout.made, answer)?;
        if rows.is_some() {
            transaction.finish("commit").await?;
        }
        // Else the rest of the answer is still on its way: the connection is closed.
        Ok(rows)
    }

    /// Copies rows into a table in a transaction that begins with one statement and ends with another; with no other it is taken back.
    pub(super) async fn copy_rows_in(
        &self,
        first: &Statement<'_>,
        table: &str,
        rows: &[u8],
        last: Option<&Statement<'_>>,
    ) -> Result<(), Failure> {
        let begin = "begin; set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; \
                     set local lc_monetary = 'C'";
        let mut transaction = self.begin_transaction(begin).await?;
        transaction.ask(first).await?;
        let statement = format!("copy {table} from stdin");
        let Transaction { pool, checkout } = &mut transaction;
        let write = async {
            let mut copy = checkout.connection.copy_in_raw(&statement).await?;
            copy.send(rows).await?;
            copy.finish().await
        };
        let answer = timeout(pool.patience(), write).await;
        pool.understand(checkout.made, answer)?;
        let Some(last) = last else {
            return transaction.finish("rollback").await;
        };
        transaction.ask(last).await?;
        transaction.finish("commit").await
    }
}
