use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// That rows are on this side which may be their authority: they may have changed since. It is there until the other side
/// has acknowledged them. `Debug` shows no key.
#[derive(Serialize, Deserialize)]
pub struct Receipt {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The keys, each a JSON object.
    pub keys: Vec<String>,
    /// The snapshot that the rows were read in on the other side.
    pub seen: String,
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// The receipts that appliers have left here with rows of the other side.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn receipts(&self) -> Result<Vec<Receipt>, Error> {
        self.rows(
            "select schema_name as schema, table_name as \"table\", keys, seen from turnout.receipts()",
            &[],
        )
        .await
    }

    /// Acknowledges what the other side has receipts for. To be called before anything is taken under a lease, also if there are
    /// none.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn end_received(&self, token: i64, receipts: &[Receipt]) -> Result<(), Error> {
        let parameters = [Parameter::number(token), Parameter::json(&receipts)];
        self.call("select turnout.end_received($1::int8, $2::json)::text", &parameters)
            .await
    }

    /// Forgets what was noted here as received before the dirty keys were read from the first to the last. That began with a batch
    /// from this file whose rows were read in this snapshot; `None` if there was none. Returns whether more is noted.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn forget_received(&self, token: i64, first: Option<(i64, &str)>) -> Result<bool, Error> {
        let (file, seen) = first.unwrap_or_default();
        self.value(
            "select turnout.forget_received($1::int8, nullif($2, '0')::oid, nullif($3, '')::pg_snapshot)::text",
            &[Parameter::number(token), Parameter::number(file), Parameter::text(seen)],
        )
        .await
    }

    /// Gives the room of receipts that are gone back to the table. Only its owner can; for others it does nothing.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn vacuum_receipts(&self) -> Result<(), Error> {
        self.protocol().vacuum("turnout.receipt").await
    }

    /// Takes away the receipts that are here, as the other side has acknowledged them.
    ///
    /// # Errors
    /// [`Error::Dispossessed`] if the lease is another's: nothing is changed then; else as [`execute`](Self::execute).
    pub async fn forget_receipts(&self, token: i64) -> Result<(), Error> {
        self.call(
            "select turnout.forget_receipts($1::int8)::text",
            &[Parameter::number(token)],
        )
        .await
    }
}
