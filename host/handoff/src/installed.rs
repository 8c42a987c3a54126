use turnout_backends::{Database, Error};

/// Whether Turnout is installed on a side; an error while that is not known.
pub(crate) async fn is_installed(database: &Database) -> Result<bool, Error> {
    Ok(database.schema().await?.installed)
}
