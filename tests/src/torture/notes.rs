//! A table that nobody but the administrators of a run write, directly at the authority. One deed follows the other, so what the
//! table must hold is known exactly.
//!
//! - `deed`: what they do; `script`: the SQL of those that are one script, and the rows they leave.
//! - `conflict`: what can't be mirrored until a person mends it.

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

/// How long a deed waits until the cohorts stand still.
const STANDSTILL: Duration = Duration::from_secs(10);

/// Creates the table in a database.
pub(crate) async fn create(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let table = "create table public.notes (id bigint primary key, phone text, body text)";
    execute(&mut connection, table).await?;
    Ok(connection.close().await?)
}

/// What the table holds: the SHA-256 of the body by key.
type Rows = BTreeMap<i64, String>;

/// What the administrators of a run know of the table.
pub(crate) struct Notes<'w> {
    world: &'w World,
    /// What it must hold on both sides in the end.
    expected: Rows,
    /// What came of each deed.
    came: Vec<String>,
}

impl<'w> Notes<'w> {
    /// The table is empty.
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            expected: Rows::new(),
            came: Vec::new(),
        }
    }

    /// Does what is planned, and mends it. A deed waits for a while until the cohorts stand still.
    pub(crate) async fn follow(mut self, began: Instant, events: Vec<Event>) -> Result<Self> {
        for Event { at, lasts, shock } in events {
            let Shock::Deed(deed) = shock else { continue };
            sleep_until(began + at).await;
            let _altering = self.world.whole.read().await;
            let Some(standing) = self.world.standing(STANDSTILL).await else {
                self.came.push(format!("{deed:?}: not done, for cohorts moved"));
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

    /// What came of each deed, in order.
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

    /// One script, which is one transaction.
    async fn script(&mut self, standing: Standing<'w>, deed: Deed) -> Result<&'static str> {
        let script = Script::of(deed, self.world.recorder.value(), &self.expected);
        let database = &self.world.databases[standing.listed.authority()];
        let done = match deed {
            Deed::Copy => copy(database, &script.sql).await,
            _ => run(database, &script.sql).await,
        };
        self.note(&standing, done, script.leaves).await
    }

    /// The triggers of the table are switched off as for a restore, and on again after a while.
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

    /// A transaction that stays open for a while after its write, as a session or prepared. Cohorts may be asked to move meanwhile.
    async fn held(&mut self, standing: Standing<'w>, deed: Deed, lasts: Duration) -> Result<&'static str> {
        let authority = standing.listed.authority();
        let value = self.world.recorder.value();
        let Script { sql, leaves } = Script::of(Deed::Update, value, &self.expected);
        let Ok(session) = self.world.databases[authority].acquire().await else {
            return Ok("no connection");
        };
        // It must not go back to the others with a transaction open.
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
        let standing = standing.ok_or_else(|| anyhow!("cohorts do not come to rest"))?;
        self.note(&standing, done, leaves).await
    }

    /// Commits a prepared transaction. It may not have been prepared, and it may be committed although that was not answered.
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

    /// Notes what a deed has left. Where that is in doubt, the authority tells whether it was done: all of it, or nothing.
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

/// `COPY` of these lines.
async fn copy(database: &PgPool, lines: &str) -> sqlx::Result<()> {
    let mut session = database.acquire().await?;
    let mut copying = session.copy_in_raw("copy notes (id, phone, body) from stdin").await?;
    copying.send(lines.as_bytes()).await?;
    copying.finish().await?;
    Ok(())
}

/// What a side holds of the listed subjects.
async fn rows(database: &PgPool) -> sqlx::Result<Rows> {
    let query = "select id, encode(sha256(convert_to(body, 'UTF8')), 'hex') from notes where phone is not null";
    let rows: Vec<(i64, String)> = sqlx::query_as(query).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

/// How what was found differs from what was expected, by some keys.
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
