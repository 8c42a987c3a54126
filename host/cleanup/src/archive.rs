use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_backends::KeptCleanup;
use turnout_vocabulary::PerBackend;

use crate::{Cleanups, Error};

/// How often the archives are emptied of what is no longer kept.
const EMPTY: Duration = Duration::from_mins(5);

impl Cleanups {
    /// The cleanups whose rows are still kept, by the side that they were removed from, the latest first.
    ///
    /// # Errors
    /// [`Error::Backend`] if a side with an installation can't be asked.
    pub async fn kept(&self) -> Result<PerBackend<Vec<KeptCleanup>>, Error> {
        let mut kept = PerBackend::default();
        for (backend, database) in self.sides.iter() {
            if database.schema().await?.installed {
                kept[backend] = database.cleanups(self.retention).await?;
            }
        }
        Ok(kept)
    }

    /// Empties the archives again and again of the rows that were removed too long ago to be put back.
    pub(crate) async fn empty_archives(self: Arc<Self>) {
        loop {
            for (backend, database) in self.sides.iter() {
                if !database.schema().await.is_ok_and(|schema| schema.installed) {
                    continue;
                }
                match database.empty_archive(self.retention).await {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(%backend, rows, "rows that cleanups removed are no longer kept"),
                    Err(error) => {
                        tracing::warn!(%backend, %error, "the archive of cleanups cannot be emptied; this is tried again");
                    }
                }
            }
            sleep(EMPTY).await;
        }
    }
}
