use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};
use turnout_vocabulary::{Backend, RepositoryId};

use crate::database::Database;
use crate::error::Error;
use crate::install::{Installation, removal};
use crate::sql::{Parameter, quoted};
use crate::wire::Json;

/// How long an installation is tried that finds tables locked, and how long it rests between two attempts.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);

/// Why an installation was not made or not taken away. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// The backend refused it, or can't be asked.
    #[error(transparent)]
    Backend(#[from] Error),
    /// Other sessions kept its tables.
    #[error(
        "other sessions keep tables of backend {backend} locked: {}; wait for them or end them, then try again", sessions.join("; ")
    )]
    Locked {
        /// The backend.
        backend: Backend,
        /// The sessions, in words.
        sessions: Vec<String>,
    },
}

/// A table that an installation knows.
#[derive(Deserialize)]
struct Known {
    number: i16,
    schema_name: String,
    table_name: String,
}

impl Database {
    /// Installs Turnout on this side, or renews the installation; with `rehearse` only tries to. Returns what was done or
    /// could not be, in words.
    ///
    /// # Errors
    /// [`NotInstalled`]
    pub async fn install(&self, installation: &Installation<'_>, rehearse: bool) -> Result<Vec<String>, NotInstalled> {
        self.transact(&installation.queries(), rehearse).await
    }

    /// The same where a copy of the other side's installation is: that goes first.
    ///
    /// # Errors
    /// [`NotInstalled`]
    pub async fn install_over_copy(
        &self,
        installation: &Installation<'_>,
        rehearse: bool,
    ) -> Result<Vec<String>, NotInstalled> {
        let mut scripts = removal();
        scripts.extend(installation.queries());
        self.transact(&scripts, rehearse).await
    }

    /// Takes the installation away; with `rehearse` only tries to. Returns what was done, in words.
    ///
    /// # Errors
    /// [`NotInstalled`]
    pub async fn uninstall(&self, rehearse: bool) -> Result<Vec<String>, NotInstalled> {
        self.transact(&removal(), rehearse).await
    }

    /// The side that the installation here was made for: another one in a copy of a database. `None` if there is no installation.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn installed_for(&self) -> Result<Option<Backend>, Error> {
        let recorded: bool = self
            .value("select (to_regclass('turnout.side') is not null)::text", &[])
            .await?;
        if !recorded {
            return Ok(None);
        }
        let side: String = self.value("select name from turnout.side", &[]).await?;
        Ok(Backend::ALL.into_iter().find(|backend| backend.as_str() == side))
    }

    /// What tells this database from all others, those that are copies of it as well.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn identity(&self) -> Result<String, Error> {
        self.value(
            "select concat_ws(' ', system_identifier, extract(epoch from pg_postmaster_start_time()), oid) \
             from pg_control_system(), pg_database where datname = current_database()",
            &[],
        )
        .await
    }

    /// The numbers by which this side knows the tables, as its installation gave them; empty if there is none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn numbers(&self) -> Result<Vec<(i16, RepositoryId)>, Error> {
        let known: Vec<Known> = self
            .rows("select number, schema_name, table_name from turnout.repository", &[])
            .await?;
        let numbers = known.into_iter().filter_map(|known| {
            let mut served = self.repositories().iter();
            let served =
                served.find(|served| served.schema == known.schema_name && served.table == known.table_name)?;
            Some((known.number, served.id))
        });
        Ok(numbers.collect())
    }

    /// Runs scripts in one transaction, and again while locks are in their way; the texts that they
    /// answer with are remarks.
    async fn transact(&self, scripts: &[String], rehearse: bool) -> Result<Vec<String>, NotInstalled> {
        let began = Instant::now();
        loop {
            let refused = match self.protocol().run_scripts(scripts, rehearse).await {
                Ok(texts) => return Ok(texts.into_iter().filter(|text| !text.is_empty()).collect()),
                Err(error) => error,
            };
            if !refused.is_lock_timeout() && !refused.is_contention() {
                return Err(refused.into());
            }
            if began.elapsed() >= PATIENCE {
                return Err(NotInstalled::Locked {
                    backend: self.backend(),
                    sessions: self.in_the_way().await?,
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// The sessions that hold locks on the tables served for longer than a moment, in words.
    async fn in_the_way(&self) -> Result<Vec<String>, Error> {
        let served = self.repositories().iter();
        let names = served.map(|repository| format!("{}.{}", quoted(&repository.schema), quoted(&repository.table)));
        let Json(sessions) = self
            .value(include_str!("in_the_way.sql"), &[Parameter::list(names)])
            .await?;
        Ok(sessions)
    }

    /// Why a pooler in transaction mode seems to stand in front of this backend, in words; `None` if none does. Such a
    /// pooler gives each transaction another server session: settings, prepared statements and calls of a session are
    /// lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the backend can't be asked.
    pub async fn check_pooler(&self) -> Result<Option<String>, Error> {
        self.protocol().obstacle().await
    }
}
