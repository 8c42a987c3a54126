//! Troubles of databases and hosts that are not broken: changed settings, sessions that crowd or lock a database, hosts that were started
//! with other files. Each trouble is ended before the next.
//!
//! - `kind`: the kinds of trouble; `strangers`: the hosts that were started with other files.

mod kind;
mod strangers;

use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep, sleep_until};
use turnout_vocabulary::Backend;

use super::direct::execute;
use super::schedule::{Event, Shock};
use super::world::World;

pub use kind::Trouble;
pub(crate) use strangers::Strangers;

/// How many sessions crowd a database. It lets in fewer.
const CROWD: usize = 120;

/// Makes troubles and ends them.
pub(crate) struct Troubles<'w> {
    world: &'w World,
    strangers: Strangers,
}

impl<'w> Troubles<'w> {
    pub(crate) fn new(world: &'w World, strangers: Strangers) -> Self {
        Self { world, strangers }
    }

    /// Carries out the scheduled troubles.
    pub(crate) async fn follow(self, began: Instant, events: Vec<Event>) -> Result<()> {
        for Event { at, lasts, shock } in events {
            let Shock::Trouble(trouble) = shock else { continue };
            sleep_until(began + at).await;
            self.make(trouble, lasts)
                .await
                .with_context(|| format!("{trouble:?} could not be carried out"))?;
        }
        Ok(())
    }

    async fn make(&self, trouble: Trouble, lasts: Duration) -> Result<()> {
        match trouble {
            Trouble::ReadOnly(backend) => {
                let database = "do $$ begin execute format('alter database %I";
                let on = format!("{database} set default_transaction_read_only = on', current_database()); end $$");
                let off = format!("{database} reset default_transaction_read_only', current_database()); end $$");
                self.set_for(backend, &on, &off, lasts).await
            }
            Trouble::Hurry(backend) => {
                let on = "alter role current_user set statement_timeout = '150ms'; \
                          alter role current_user set lock_timeout = '50ms'; \
                          alter role current_user set idle_in_transaction_session_timeout = '150ms'";
                let off = "alter role current_user reset statement_timeout; \
                           alter role current_user reset lock_timeout; \
                           alter role current_user reset idle_in_transaction_session_timeout";
                self.set_for(backend, on, off, lasts).await
            }
            Trouble::Lock(backend) => {
                if let Ok(mut session) = self.connect(backend).await
                    && execute(
                        &mut session,
                        "begin; lock table bookings, notes in access exclusive mode",
                    )
                    .await
                    .is_ok()
                {
                    sleep(lasts).await;
                }
                Ok(())
            }
            Trouble::Crowd(backend) => {
                let mut crowd = Vec::new();
                while crowd.len() < CROWD
                    && let Ok(session) = self.connect(backend).await
                {
                    crowd.push(session);
                }
                sleep(lasts).await;
                Ok(())
            }
            Trouble::OtherDescription => self.strangers.with_other_description(self.world).await,
            Trouble::OldDirectory => self.strangers.with_old_directory(self.world).await,
        }
    }

    /// Changes a setting for a while. Only sessions that begin meanwhile have it.
    async fn set_for(&self, backend: Backend, on: &str, off: &str, lasts: Duration) -> Result<()> {
        let _altering = self.world.whole.read().await;
        self.world.until_done(backend, on).await?;
        sleep(lasts).await;
        self.world.until_done(backend, off).await
    }

    async fn connect(&self, backend: Backend) -> sqlx::Result<PgConnection> {
        let options = self.world.databases[backend].connect_options();
        sqlx::ConnectOptions::connect(&*options).await
    }
}
