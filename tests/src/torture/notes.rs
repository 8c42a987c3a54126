//! A table that only the administrators of a run write, directly at the authority. One deed follows the other, so the rows that the table
//! must hold are known exactly.
//!
//! - `deed`: what the administrators do.
//! - `script`: the SQL of deeds that are one script, and the rows that they leave.
//! - `conflict`: deeds that can't be mirrored until a person resolves the conflict.

mod conflict;
mod deed;
mod script;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{Instant, sleep, sleep_until};
use turnout_vocabulary::Backend;

use super::calm;
use super::direct::{execute, run};
use super::schedule::{Event, Shock};
use super::verdict::RECOVERY;
use super::world::{Standing, World};

pub(crate) use conflict::retry_parked;
pub use deed::Deed;
use script::Script;

/// How long a deed waits until no cohort moves.
const STANDSTILL: Duration = Duration::from_secs(10);

/// Creates the table in a database.
pub(crate) async fn create(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let table = "create table public.notes (id bigint primary key, phone text, body text)";
    execute(&mut connection, table).await?;
    Ok(connection.close().await?)
}

/// The rows of the table: the SHA-256 of each body, by key.
type Rows = BTreeMap<i64, String>;

/// The administrators of a run, and what they know of the table.
pub(crate) struct Notes<'w> {
    world: &'w World,
    /// The rows that both sides must hold in the end.
    expected: Rows,
    /// What each deed came to.
    came: Vec<String>,
}

impl<'w> Notes<'w> {
    /// Begins with an empty table.
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            expected: Rows::new(),
            came: Vec::new(),
        }
    }

    /// Carries out the scheduled deeds, and undoes what they break. Each deed waits for a while until no cohort moves.
    pub(crate) async fn follow(mut self, began: Instant, events: Vec<Event>) -> Result<Self> {
        for Event { at, lasts, shock } in events {
            let Shock::Deed(deed) = shock else { continue };
            sleep_until(began + at).await;
            let _altering = self.world.whole.read().await;
            let Some(standing) = self.world.standing(STANDSTILL).await else {
                self.came.push(format!("{deed:?}: not done, because cohorts moved"));
                continue;
            };
            let from = began.elapsed();
            let authority = standing.listed.authority();
            let outcome = match deed {
                Deed::TriggersOff => self.triggers_off(standing, lasts).await,
                Deed::Held | Deed::Prepared => self.held(standing, deed, lasts).await,
                Deed::Park => self.park(standing, lasts).await,
                Deed::Collide => self.collide(standing, lasts).await,
                Deed::Widen { is_kept } => self.widen(standing, is_kept, lasts).await,
                _ => self.script(standing, deed).await,
            };
            let outcome = outcome.with_context(|| format!("{deed:?} could not be carried out"))?;
            self.came.push(format!(
                "{from:.3?} to {:.3?}: {deed:?} on {authority}: {outcome}",
                began.elapsed()
            ));
        }
        Ok(self)
    }

    /// What each deed came to, in order.
    pub(crate) fn came(&self) -> &[String] {
        &self.came
    }

    /// What is wrong with the table in the end.
    pub(crate) async fn astray(&self) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for (backend, database) in self.world.databases.iter() {
            let found = rows(database).await?;
            if found != self.expected {
                wrong.push(format!(
                    "{backend} has other notes than were written: {}",
                    told(&self.expected, &found)
                ));
            }
        }
        Ok(wrong)
    }

    /// Runs one script as one transaction.
    async fn script(&mut self, standing: Standing<'w>, deed: Deed) -> Result<&'static str> {
        let script = Script::of(deed, self.world.recorder.value(), &self.expected);
        let database = &self.world.databases[standing.listed.authority()];
        let done = match deed {
            Deed::Copy => copy(database, &script.sql).await,
            _ => run(database, &script.sql).await,
        };
        self.note(&standing, done, script.leaves).await
    }

    /// Writes while the triggers of the table are disabled, as for a restore. They are enabled again after a while.
    async fn triggers_off(&mut self, standing: Standing<'w>, lasts: Duration) -> Result<&'static str> {
        let authority = standing.listed.authority();
        let triggers = async |switch| {
            let sql = format!("alter table notes {switch} trigger all");
            self.world.until_done(authority, &sql).await
        };
        triggers("disable").await?;
        let came = self.script(standing, Deed::Update).await?;
        sleep(lasts).await;
        triggers("enable").await?;
        Ok(came)
    }

    /// Holds a transaction open for a while after its write, in a session or prepared. Cohorts may be told to move meanwhile.
    async fn held(&mut self, standing: Standing<'w>, deed: Deed, lasts: Duration) -> Result<&'static str> {
        let authority = standing.listed.authority();
        let value = self.world.recorder.value();
        let Script { sql, leaves } = Script::of(Deed::Update, value, &self.expected);
        let Ok(session) = self.world.databases[authority].acquire().await else {
            return Ok("no connection");
        };
        // The session must not go back to the pool with an open transaction.
        let mut session = session.detach();
        if execute(&mut session, &format!("begin; {sql}")).await.is_err() {
            return Ok("not begun");
        }
        let done = if deed == Deed::Prepared {
            let gid = format!("notes-{value}");
            let prepared = execute(&mut session, &format!("prepare transaction '{gid}'")).await;
            drop(standing);
            sleep(lasts).await;
            self.commit_prepared(authority, &gid).await?;
            prepared
        } else {
            drop(standing);
            sleep(lasts).await;
            execute(&mut session, "commit").await
        };
        let standing = self.world.standing(RECOVERY).await;
        let standing = standing.ok_or_else(|| anyhow!("cohorts do not stop moving"))?;
        self.note(&standing, done, leaves).await
    }

    /// Commits a prepared transaction. It may not exist: preparing it may have failed, or an unanswered commit may have succeeded.
    async fn commit_prepared(&self, backend: Backend, gid: &str) -> Result<()> {
        let commit = format!("commit prepared '{gid}'");
        let there_is_none = Some("42704");
        let gone = calm::within(RECOVERY, async || {
            match run(&self.world.databases[backend], &commit).await {
                Ok(()) => Some(()),
                Err(sqlx::Error::Database(error)) => (error.code().as_deref() == there_is_none).then_some(()),
                Err(_) => None,
            }
        });
        gone.await.ok_or_else(|| anyhow!("{gid} stays prepared on {backend}"))
    }

    /// Notes the rows that a deed has left. If the deed is in doubt, the authority tells whether all or nothing of it was done.
    async fn note(&mut self, standing: &Standing<'w>, done: sqlx::Result<()>, leaves: Rows) -> Result<&'static str> {
        if done.is_ok() {
            self.expected = leaves;
            return Ok("done");
        }
        let authority = standing.listed.authority();
        let database = &self.world.databases[authority];
        let found = calm::within(RECOVERY, async || rows(database).await.ok()).await;
        let found = found.ok_or_else(|| anyhow!("{authority} does not answer"))?;
        if found == leaves {
            self.expected = leaves;
            return Ok("in doubt, and done");
        }
        if found != self.expected {
            let told = told(&self.expected, &found);
            self.world.surprised_by(format!(
                "a deed on {authority} was done in part, or others were undone: {told}"
            ));
        }
        Ok("refused")
    }
}

/// Copies these lines into the table.
async fn copy(database: &PgPool, lines: &str) -> sqlx::Result<()> {
    let mut session = database.acquire().await?;
    let mut copying = session.copy_in_raw("copy notes (id, phone, body) from stdin").await?;
    copying.send(lines.as_bytes()).await?;
    copying.finish().await?;
    Ok(())
}

/// The rows of listed subjects on a side.
async fn rows(database: &PgPool) -> sqlx::Result<Rows> {
    let query = "select id, encode(sha256(convert_to(body, 'UTF8')), 'hex') from notes where phone is not null";
    let rows: Vec<(i64, String)> = sqlx::query_as(query).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

/// Describes the difference between the expected and the found rows, with some of the keys.
fn told(expected: &Rows, found: &Rows) -> String {
    let lost: Vec<_> = expected.keys().filter(|id| !found.contains_key(id)).collect();
    let more: Vec<_> = found.keys().filter(|id| !expected.contains_key(id)).collect();
    let others = |(id, body): &(&i64, &String)| found.get(id).is_some_and(|found| found != *body);
    let other: Vec<_> = expected.iter().filter(others).map(|(id, _)| id).collect();
    let some = |ids: &[&i64]| format!("{} ({:?})", ids.len(), &ids[..ids.len().min(3)]);
    format!(
        "{} lost, {} too many, {} others",
        some(&lost),
        some(&more),
        some(&other)
    )
}
