//! Cleanups by chance while everything breaks: no row without marks is ever lost, and undo brings all others back.
//!
//! `TURNOUT_CLEANUP_SEEDS=500` runs more seeds.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rand::rngs::SmallRng;
use rand::seq::IteratorRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use turnout_tests::{Host, Site, eventually};

use super::host;

/// How many seeds are run unless the environment says so.
const SEEDS: u64 = 6;

/// How long both sides may take to become equal.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tables of our own: a reference that cascades, one that sets null, and one to the table itself.
const TABLES: &str = "
    create table reviews (
        id integer primary key, phone text, booking_id integer references bookings (id) on delete cascade, text text
    );
    create table replies (
        id integer primary key, phone text, review_id integer references reviews (id) on delete set null,
        to_reply integer references replies (id)
    )";

/// The tables, those first that others refer to.
const ALL: [&str; 4] = ["clients", "bookings", "reviews", "replies"];

/// What one seed has done.
struct Run<'s> {
    site: &'s Site,
    host: Option<Host>,
    dice: SmallRng,
    ids: Range<i64>,
    /// The rows without marks, by table and id.
    unmarked: BTreeSet<(&'static str, i64)>,
    /// The rows whose place somebody else has taken.
    taken: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_without_marks_is_lost_whatever_breaks() -> Result<()> {
    let seeds = std::env::var("TURNOUT_CLEANUP_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for database in [&old, &new] {
        database.execute(AssertSqlSafe(TABLES)).await?;
    }
    let changes = [
        ("repositories.reviews", "{ key = ['id'], subject = 'phone' }"),
        ("repositories.replies", "{ key = ['id'], subject = 'phone' }"),
    ];
    site.configure(&changes)?;
    route(&site, 50)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let mut running = Some(host(&site, &changes).await?);
    for seed in 0..seeds.unwrap_or(SEEDS) {
        let first = 100_000 + i64::try_from(seed)? * 100;
        let mut run = Run {
            site: &site,
            host: running.take(),
            dice: SmallRng::seed_from_u64(seed),
            ids: first..first + 100,
            unmarked: BTreeSet::new(),
            taken: false,
        };
        run.all(&changes, &old, &new)
            .await
            .with_context(|| format!("seed {seed}"))?;
        running = run.host;
    }
    Ok(())
}

/// Half of the subjects, or another part of them, are on `new`. Everybody else is on `old`. All are mirrored.
fn route(site: &Site, percent: u32) -> Result<()> {
    site.route(&format!(
        "[default]\nstage = 'dualwrite'\n[[cohort]]\nname = 'some'\npercent = {percent}\nstage = 'live'\n"
    ))
}

impl Run<'_> {
    async fn all(&mut self, changes: &[(&str, &str)], old: &PgPool, new: &PgPool) -> Result<()> {
        self.fill().await?;
        let before = self.equal(old, new).await?;
        let cleaned = self.clean().await?;
        if self.host.is_none() {
            self.host = Some(host(self.site, changes).await?);
        }
        if !self.taken {
            self.equal(old, new).await?;
        }
        // Where a row of one side has come to refer to one that was removed from the other, neither change can be mirrored before.
        self.undo().await?;
        let after = self.equal(old, new).await?;
        self.look_for_unmarked(old).await?;
        ensure!(
            self.taken || before == after,
            "undo of {cleaned} cleanups: {before:?}, {after:?}"
        );
        Ok(())
    }

    fn host(&self) -> Result<&Host> {
        self.host.as_ref().context("there is no host")
    }

    /// Adds clients with rows that refer to them, most of them with marks.
    async fn fill(&mut self) -> Result<()> {
        for (place, table) in (0..).zip(ALL) {
            for number in 0..6_i64 {
                let id = self.ids.start + place * 20 + number;
                let is_marked = self.dice.random_ratio(9, 10);
                let phone = if is_marked {
                    format!("899900{:05}", id % 100_000)
                } else {
                    format!("891600{:05}", id % 100_000)
                };
                let mut parent = |chance| -> Value {
                    let dice = &mut self.dice;
                    dice.random_ratio(chance, 4)
                        .then(|| id - 20 - number + dice.random_range(0..6))
                        .into()
                };
                let mut row = json!({"id": id, "phone": phone});
                match table {
                    "clients" => row["name"] = json!("somebody"),
                    "bookings" => {
                        row = json!({"id": id, "client_phone": phone, "client_id": parent(3), "datetime": "2026-03-01T10:00:00Z"});
                    }
                    "reviews" => row["booking_id"] = parent(3),
                    _ => {
                        row["review_id"] = parent(2);
                        row["to_reply"] = (number > 0 && self.dice.random_ratio(1, 2)).then(|| id - 1).into();
                    }
                }
                if !is_marked {
                    self.unmarked.insert((table, id));
                }
                let path = format!("/rest/v1/{table}");
                // A row that it refers to may be on its way to the other side.
                eventually("the row is in", async || {
                    let answer = self.host().ok()?.write(Method::POST, &path, &row).await.ok()?;
                    answer.status.is_success().then_some(())
                })
                .await;
            }
        }
        Ok(())
    }

    /// Runs a few cleanups while others write, a host is killed, or authority moves. Returns how many were agreed to.
    async fn clean(&mut self) -> Result<u32> {
        let mut agreed = 0;
        for _ in 0..4 {
            let Some(host) = &self.host else { break };
            let table = *ALL.iter().choose(&mut self.dice).context("there are tables")?;
            let place = ALL.iter().position(|name| *name == table).unwrap_or_default();
            let first = self.ids.start + i64::try_from(place)? * 20;
            let wanted = (first..first + 6).sample(&mut self.dice, 2);
            let filter = format!("id=in.({},{})", wanted[0], wanted[1]);
            let request = json!({"repository": table, "filter": filter});
            let reviewed = ask(host, &request).await;
            let Some(rows) = reviewed.ok().and_then(|report| report["rows"].as_u64()) else {
                continue;
            };
            let request = json!({"repository": table, "filter": filter, "execute": true, "expect": rows});
            let pause = Duration::from_micros(self.dice.random_range(0..40_000));
            let what = self.dice.random_range(0..6);
            let unmarks = first + self.dice.random_range(0..6);
            let (done, touched) = {
                let meanwhile = async {
                    tokio::time::sleep(pause).await;
                    match what {
                        // A row loses its marks. If it is still there, it must stay.
                        0 => {
                            let column = if table == "bookings" { "client_phone" } else { "phone" };
                            let path = format!("/rest/v1/{table}?id=eq.{unmarks}");
                            let row = json!({column: format!("891700{:05}", unmarks % 100_000)});
                            let answer = host.write(Method::PATCH, &path, &row).await.ok()?;
                            (answer.status.is_success() && answer.text != "[]").then_some(unmarks)
                        }
                        // A row without marks comes to refer to those that go.
                        1 => {
                            let row = json!({"id": first + 15, "phone": "89161234567", "client_phone": "89161234567"});
                            let row = match table {
                                "clients" => {
                                    json!({"id": first + 35, "client_phone": "89161234567", "client_id": wanted[0], "datetime": "2026-03-01T10:00:00Z"})
                                }
                                "bookings" => {
                                    json!({"id": first + 35, "phone": "89161234567", "booking_id": wanted[0]})
                                }
                                "reviews" => json!({"id": first + 35, "phone": "89161234567", "review_id": wanted[0]}),
                                _ => json!({"id": row["id"], "phone": row["phone"], "to_reply": wanted[0]}),
                            };
                            let child = ALL[(place + 1).min(3)];
                            let answer = host
                                .write(Method::POST, &format!("/rest/v1/{child}"), &row)
                                .await
                                .ok()?;
                            (answer.status.is_success()).then(|| -row["id"].as_i64().unwrap_or_default())
                        }
                        2 => {
                            route(self.site, 30 + u32::try_from(unmarks % 50).unwrap_or_default()).ok()?;
                            None
                        }
                        3 => {
                            // Two cleanups at once.
                            let _ = ask(host, &request).await;
                            None
                        }
                        _ => None,
                    }
                };
                if what == 4 {
                    let killed = async {
                        tokio::time::sleep(pause).await;
                    };
                    tokio::select! {
                        done = ask(host, &request) => (done, None),
                        () = killed => (Err(anyhow::anyhow!("killed")), None),
                    }
                } else {
                    tokio::join!(ask(host, &request), meanwhile)
                }
            };
            agreed += u32::from(done.is_ok());
            match touched {
                Some(child) if child < 0 => _ = self.unmarked.insert((ALL[(place + 1).min(3)], -child)),
                Some(id) => _ = self.unmarked.insert((table, id)),
                None => {}
            }
            // What changed can't be as it was before.
            self.taken |= touched.is_some();
            if what == 4 {
                // Dropping a host kills it.
                self.host = None;
            }
        }
        Ok(agreed)
    }

    /// Takes all cleanups of this seed back, until nothing more comes back.
    async fn undo(&mut self) -> Result<()> {
        let host = self.host()?;
        let kept = host
            .send(host.bare(Method::GET, "/v1/cleanup").header("apikey", Site::ADMIN_KEY))
            .await?
            .json();
        let sides = ["old", "new"].iter().filter_map(|side| kept[side].as_array());
        let unfinished = sides
            .flatten()
            .filter(|cleanup| cleanup["removed"] != cleanup["restored"]);
        let ids: BTreeSet<&str> = unfinished.filter_map(|cleanup| cleanup["cleanup"].as_str()).collect();
        for _ in 0..3 {
            for id in ids.iter().rev() {
                eventually("rows are put back", async || {
                    let request = host
                        .bare(Method::POST, "/v1/cleanup/undo")
                        .header("apikey", Site::ADMIN_KEY);
                    let answer = host.send(request.json(&json!({"id": id}))).await.ok()?;
                    (answer.status.as_u16() != 503).then_some(())
                })
                .await;
            }
        }
        Ok(())
    }

    /// Waits until both sides have the same rows of this seed, and returns them.
    async fn equal(&self, old: &PgPool, new: &PgPool) -> Result<Vec<String>> {
        let began = Instant::now();
        loop {
            let (on_old, on_new) = (self.rows(old).await?, self.rows(new).await?);
            if on_old == on_new {
                return Ok(on_old);
            }
            if began.elapsed() > PATIENCE {
                let differ = |one: &[String], other: &[String]| -> Vec<String> {
                    one.iter().filter(|row| !other.contains(row)).cloned().collect()
                };
                let log = self.host()?.log();
                bail!(
                    "old: {:?}, new: {:?}, {log}",
                    differ(&on_old, &on_new),
                    differ(&on_new, &on_old)
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The rows of this seed.
    async fn rows(&self, database: &PgPool) -> Result<Vec<String>> {
        let mut rows = Vec::new();
        for table in ALL {
            let query = format!(
                "select '{table} ' || t::text from {table} as t where id >= {} and id < {} order by id",
                self.ids.start, self.ids.end
            );
            rows.extend(
                sqlx::query_scalar::<_, String>(AssertSqlSafe(query))
                    .fetch_all(database)
                    .await?,
            );
        }
        Ok(rows)
    }

    async fn look_for_unmarked(&self, database: &PgPool) -> Result<()> {
        for (table, id) in &self.unmarked {
            let query = format!("select exists (select from {table} where id = {id})");
            let is_there: bool = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(database).await?;
            ensure!(is_there, "the row {id} of {table} has no marks and is gone");
        }
        Ok(())
    }
}

/// The answer to a cleanup that is not refused.
async fn ask(host: &Host, request: &Value) -> Result<Value> {
    let request = host
        .bare(Method::POST, "/v1/cleanup")
        .header("apikey", Site::ADMIN_KEY)
        .json(request);
    let answer = host.send(request).await?;
    ensure!(answer.status.is_success(), "{}", answer.text);
    Ok(answer.json())
}
