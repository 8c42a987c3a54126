//! Random reads through Turnout find what SQL finds that this file writes by itself, as plainly as it can.

mod plan;

use anyhow::{Context, Result, ensure};
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};

use super::salon::Salon;
use plan::Read;

/// How many reads are made. They grow on the way, so the first that fails is one of the least.
const READS: u64 = 400;

/// More rows than the salon has, with nulls and equal values among them.
const ROWS: &str = "
    insert into guests select n, (array['Anna', 'Boris', null, 'Жанна', 'a,b (c)'])[n % 5 + 1], nullif(n % 7, 0)
        from generate_series(4, 40) as n;
    insert into masters values (3, 'Anna'), (4, null);
    insert into visits select n, nullif(n % 41, 0), nullif(n % 5, 0), nullif(n % 3, 0), nullif(n % 11, 0) * 12.5
        from generate_series(5, 160) as n;
    insert into visit_treats select n, n % 3 + 1 from generate_series(5, 160) as n where n % 4 > 0;
    insert into cards select n, 'B-' || n from generate_series(2, 40, 3) as n;
    analyze";

/// What both ways find, if that differs or one fails.
async fn difference(salon: &Salon, old: &PgPool, read: &Read) -> Result<Option<String>> {
    let path = read.path();
    let answer = salon.ask(reqwest::Method::GET, &path, &[], None).await?;
    if answer.status != 200 {
        return Ok(Some(format!("{path}\nis answered {}: {}", answer.status, answer.text)));
    }
    let sql = read.sql();
    let expected: String = sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
        .fetch_one(old)
        .await
        .with_context(|| sql.clone())?;
    let expected: Value = serde_json::from_str(&expected)?;
    let found = answer.json();
    Ok((found != expected).then(|| format!("{path}\nfinds    {found}\nexpected {expected}\nby {sql}")))
}

#[tokio::test]
async fn random_reads_find_what_plain_sql_finds() -> Result<()> {
    let salon = Salon::set_up().await?;
    let (old, new) = salon.site.databases().await?;
    for side in [&old, &new] {
        raw_sql(ROWS).execute(side).await?;
    }
    let mut rows = 0;
    for seed in 0..READS {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let read = Read::random(&mut dice, seed / 80);
        let difference = difference(&salon, &old, &read).await?;
        ensure!(difference.is_none(), "seed {seed}: {}", difference.unwrap_or_default());
        rows += u64::from(read.path().contains("e0:"));
    }
    ensure!(rows > READS / 3, "only {rows} reads embed anything");
    Ok(())
}
