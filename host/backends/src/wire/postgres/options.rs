use std::str::FromStr as _;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::settings::Settings;

/// How a session begins.
#[derive(Clone)]
pub(crate) struct Options(pub(super) PgConnectOptions);

impl Options {
    /// As the settings say.
    ///
    /// # Errors
    /// What is wrong with the URL, without repeating it: it may hold a password.
    pub(crate) fn of(settings: &Settings) -> Result<Self, String> {
        if !settings.url.starts_with("postgres://") && !settings.url.starts_with("postgresql://") {
            return Err("it does not begin with postgres://".to_owned());
        }
        let options = PgConnectOptions::from_str(&settings.url).map_err(|error| error.to_string())?;
        let statement_timeout = settings.statement_timeout.as_millis().max(1).to_string();
        // What the role or the database has as its own defaults must not end a handoff.
        let options = options
            .application_name("turnout")
            .options([
                ("idle_in_transaction_session_timeout", "0"),
                ("statement_timeout", statement_timeout.as_str()),
                ("lock_timeout", "0"),
            ])
            .statement_cache_capacity(settings.statement_cache_capacity)
            .disable_statement_logging();
        Ok(Self(options))
    }

    /// The role that the sessions have.
    pub(crate) fn role(&self) -> &str {
        self.0.get_username()
    }
}
