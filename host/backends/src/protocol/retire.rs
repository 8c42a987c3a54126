use crate::database::Database;
use crate::error::Error;

impl Database {
    /// Whether an applier of this side's changes was at work within the last seconds: a host runs.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn is_applied(&self) -> Result<bool, Error> {
        self.value("select turnout.is_applied()::text", &[]).await
    }
}
