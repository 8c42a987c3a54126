use turnout_backends::{Database, EpochRecord, Error as BackendError};
use turnout_policies::{Files, PerWorld, Worlds};
use turnout_vocabulary::{Backend, PerBackend};

use crate::record::format;
use crate::site::SiteDescription;

/// The policy set that the record holds as the newest one released; `None` where nothing is recorded. A host whose policy
/// directory can't be used starts with it.
///
/// # Errors
/// If a side can't be asked, or what it has recorded can't be read.
pub async fn recorded_set(backends: &PerBackend<Database>) -> Result<Option<PerWorld<Files>>, BackendError> {
    let mut newest: Option<(&Database, EpochRecord)> = None;
    for (_, database) in backends.iter() {
        if !database.schema().await?.installed {
            continue;
        }
        let Some(epoch) = database.newest_epochs().await?.released else {
            continue;
        };
        if newest.as_ref().is_some_and(|(_, known)| known.epoch >= epoch) {
            continue;
        }
        let records = database.epochs(epoch).await?;
        if let Some(record) = records.into_iter().next() {
            newest = Some((database, record));
        }
    }
    match newest {
        Some((database, newest)) => {
            let built_in = Worlds::default().built_in();
            Ok(Some(format::files(&built_in, database, &newest).await?))
        }
        None => Ok(None),
    }
}

/// The description of the site on record; `None` while nothing is recorded.
///
/// # Errors
/// If a side can't be asked, or what it has recorded can't be read.
pub async fn recorded_site(backends: &PerBackend<Database>) -> Result<Option<SiteDescription>, BackendError> {
    let database = &backends.old;
    if !database.schema().await?.installed {
        return Ok(None);
    }
    let Some(released) = database.newest_epochs().await?.released else {
        return Ok(None);
    };
    let records = database.epochs(released).await?;
    let recorded = records.first().and_then(|record| record.site.as_deref());
    recorded
        .map(|text| {
            serde_json::from_str(text).map_err(|error| BackendError::Unexpected {
                backend: Backend::Old,
                reason: format!("the description of the site can't be read: {error}"),
            })
        })
        .transpose()
}
