use serde::Deserialize;
use turnout_vocabulary::Epoch;

use crate::database::Database;
use crate::error::Error;

#[derive(Deserialize)]
struct Cutover {
    number: i64,
    from_epoch: Epoch,
}

impl Database {
    /// The number of the evidence of the last cutover that was not taken back, and the epoch that was in force before it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn open_cutover(&self) -> Result<Option<(i64, Epoch)>, Error> {
        let cutovers = self.rows("select number, from_epoch from turnout.open_cutover()", &[]);
        let cutover: Option<Cutover> = cutovers.await?.pop();
        Ok(cutover.map(|cutover| (cutover.number, cutover.from_epoch)))
    }
}
