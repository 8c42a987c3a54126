use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::{Instant, sleep};
use turnout_vocabulary::{Backend, RepositoryId};

use crate::database::Database;
use crate::error::Error;
use crate::install::{Installation, removal};

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
            .value("select to_regclass('turnout.side') is not null", &[])
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
        let rows = self
            .call("select number, schema_name, table_name from turnout.repository", &[])
            .await?;
        let known = self.read(&rows, |row| {
            let (schema, table): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let served = self
                .repositories()
                .iter()
                .find(|served| served.schema == schema && served.name == table);
            Ok((row.try_get(0)?, served.map(|served| served.id)))
        })?;
        Ok(known
            .into_iter()
            .filter_map(|(number, served)| Some((number, served?)))
            .collect())
    }

    /// Runs scripts in one transaction on a connection of their own, and again while locks are in their way; the texts that they
    /// answer with are remarks.
    async fn transact(&self, scripts: &[String], rehearse: bool) -> Result<Vec<String>, NotInstalled> {
        let mut connection = self.protocol().connect().await?;
        let began = Instant::now();
        loop {
            let refused = match attempt(&mut connection, scripts, rehearse).await {
                Ok(remarks) => return Ok(remarks),
                Err(error) => Error::answered(self.backend(), &error),
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
        let names: Vec<String> = served
            .map(|repository| {
                format!(
                    "{}.{}",
                    crate::sql::quoted(&repository.schema),
                    crate::sql::quoted(&repository.name)
                )
            })
            .collect();
        let rows = self
            .call(include_str!("in_the_way.sql"), &[crate::sql::Parameter::List(&names)])
            .await?;
        self.read(&rows, |row| row.try_get(0))
    }
}

async fn attempt(
    connection: &mut PgConnection,
    scripts: &[String],
    rehearse: bool,
) -> Result<Vec<String>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut remarks = Vec::new();
    for script in scripts {
        let rows = transaction
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(script.as_str())))
            .await?;
        let texts = rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok());
        remarks.extend(texts.filter(|text| !text.is_empty()));
    }
    if rehearse {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(remarks)
}
