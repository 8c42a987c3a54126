//! `turnout ready` judges what is on record: go, no-go, and why.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually, turnout};

/// A site with mirrored rows and a host whose comparison is over. Nobody has run in parallel yet, so that is not asked.
pub(crate) async fn mirrored() -> Result<(Site, Host, PgPool, PgPool)> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    site.configure(&[
        ("api.listen", &format!("'{}'", host.address())),
        ("ready.skip", "['parallel_run']"),
    ])?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (old, new) = site.databases().await?;
    let count = async |database: &PgPool, table| {
        let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from turnout.{table}")));
        count.fetch_one(database).await.ok()
    };
    eventually("nothing is pending, and the schemas were looked at", async || {
        let found: [i64; 2] = [
            count(&old, "dirty").await?,
            count(&new, "evidence where kind = 'drift'").await?,
        ];
        (found == [0, 1]).then_some(())
    })
    .await;
    Ok((site, host, old, new))
}

/// Keeps evidence as another command does.
pub(crate) async fn keep(new: &PgPool, kind: &str, result: &Value) -> Result<()> {
    sqlx::query("select turnout.add_evidence($1, 'test', '0', 1, '{}', $2::json)")
        .bind(kind)
        .bind(result.to_string())
        .execute(new)
        .await?;
    Ok(())
}

/// Proves all that is asked.
pub(crate) async fn prove(site: &Site, new: &PgPool) -> Result<()> {
    site.turnout(&["preflight"])?;
    site.turnout(&["verify"])?;
    keep(new, "baseline", &json!({ "slower": [] })).await?;
    keep(new, "drill", &json!({ "passed": true })).await
}

/// The exit status of `turnout ready --json`, and what it prints.
fn ready(site: &Site) -> Result<(Option<i32>, Value)> {
    let mut command = turnout();
    command.arg("--config").arg(site.config()).args(["ready", "--json"]);
    let output = command.output()?;
    let printed = serde_json::from_slice(&output.stdout);
    let printed = printed.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code(), printed))
}

/// What is said of one criterion: the verdict and the reason.
fn of(printed: &Value, criterion: &str) -> (String, String) {
    let criteria = printed["criteria"].as_array();
    let judged = criteria.and_then(|all| all.iter().find(|judged| judged["criterion"] == criterion));
    let text = |key: &str| {
        judged
            .map_or("", |judged| judged[key].as_str().unwrap_or_default())
            .to_owned()
    };
    (text("verdict"), text("reason"))
}

#[tokio::test]
async fn ready_is_a_go_once_everything_is_proved() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    let (status, printed) = ready(&site)?;
    assert_eq!((status, &printed["go"]), (Some(1), &json!(false)), "{printed:#}");
    for (criterion, verdict, reason) in [
        ("drift", "go", "neither schema changed since the last preflight"),
        (
            "preflight",
            "no_go",
            "no preflight of bookings is on record: run `turnout preflight`",
        ),
        ("backfill", "go", "all rows that are mirrored were copied or compared"),
        (
            "verify",
            "no_go",
            "no comparison of bookings is on record: run `turnout verify`",
        ),
        ("divergences", "go", "no row is known to differ"),
        ("mirror", "go", "no change has waited for 1s to be mirrored"),
        ("baseline", "no_go", "no baseline is on record: run `turnout baseline`"),
        ("parallel_run", "off", "switched off by ready.skip"),
        (
            "backups",
            "unknown",
            "SQL tells of no backups of old and new: look for yourself",
        ),
    ] {
        assert_eq!(of(&printed, criterion), (verdict.to_owned(), reason.to_owned()));
    }

    prove(&site, &new).await?;
    let (status, printed) = ready(&site)?;
    assert_eq!((status, &printed["go"]), (Some(0), &json!(true)), "{printed:#}");
    let said = site.turnout(&["ready"])?;
    let verify = said
        .lines()
        .find(|line| line.starts_with("go       verify        both sides are equal (evidence "));
    assert!(
        verify.is_some() && said.ends_with("go: authority may move to new\n"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn what_stands_in_the_way_now_is_a_no_go() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    prove(&site, &new).await?;
    raw_sql("update services set price = price + 1 where id = 3")
        .execute(&new)
        .await?;
    let printed = eventually("the host has seen the direct change", async || {
        let (_, printed) = ready(&site).ok()?;
        (of(&printed, "divergences").0 == "no_go").then_some(printed)
    })
    .await;
    assert_eq!(
        of(&printed, "divergences").1,
        "1 rows are known to differ: see `turnout divergence list`"
    );

    site.configure(&[
        ("ready.skip", "['parallel_run', 'divergences']"),
        ("ready.verify", "'1ms'"),
    ])?;
    let (status, printed) = ready(&site)?;
    let reason = of(&printed, "verify").1;
    assert_eq!(
        (status, reason.as_str()),
        (Some(1), "it is older than 1ms: run `turnout verify` again")
    );
    site.configure(&[("ready.skip", "['verified']")])?;
    let (succeeded, _, err) = site.said(&["ready"])?;
    assert!(
        !succeeded && err.contains("`ready.skip`: \"verified\" is no criterion"),
        "{err}"
    );
    Ok(())
}

#[tokio::test]
async fn a_parallel_run_counts_from_its_last_long_pause() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    site.configure(&[("ready.parallel_run", "'3h'")])?;
    assert_eq!(of(&ready(&site)?.1, "parallel_run").1, "no parallel run is on record");
    raw_sql(
        "create table if not exists turnout.minutes (
             minute timestamptz, host text, repository text, action text, backend text, operations bigint default 0,
             errors bigint default 0, equal bigint default 0, unsettled bigint default 0, diverged bigint default 0
         );
         insert into turnout.minutes (minute, host, repository, action, backend, operations, errors, equal, diverged)
         select date_trunc('minute', now()) - hours * interval '1 hour', host, 'clients', action, 'none', operations, 1, equal, diverged
         from unnest(array[20, 4, 2, 0]) as hours,
             (values ('a', 'find', 10, 0, 0), ('b', 'find', 10, 0, 0), ('', 'compare', 0, 8, 1)) as row (host, action, operations, equal, diverged)",
    )
    .execute(&new)
    .await?;
    let run = "both sides ran in parallel for 4h 1m: 6 of 60 operations failed, 3 of 27 compared rows differed";
    assert_eq!(of(&ready(&site)?.1, "parallel_run"), ("go".to_owned(), run.to_owned()));
    site.configure(&[("ready.parallel_run", "'5h'")])?;
    assert_eq!(
        of(&ready(&site)?.1, "parallel_run"),
        ("no_go".to_owned(), format!("{run}; it must be 5h"))
    );
    Ok(())
}

#[tokio::test]
async fn a_gap_in_the_evidence_is_named_by_its_number() -> Result<()> {
    let (site, _host, _old, new) = mirrored().await?;
    prove(&site, &new).await?;
    for (change, reason) in [
        (
            "update turnout.evidence set result = '{\"passed\": true, \"seconds\": 1}' where number = 5",
            "evidence 5 was changed",
        ),
        (
            "update turnout.evidence set before = 'x' where number = 4",
            "evidence 4 does not follow the one before it",
        ),
        ("delete from turnout.evidence where number = 3", "evidence 3 is missing"),
    ] {
        raw_sql(AssertSqlSafe(change)).execute(&new).await?;
        let (status, printed) = ready(&site)?;
        let expected = ("no_go".to_owned(), reason.to_owned());
        assert_eq!((status, of(&printed, "evidence")), (Some(1), expected), "{printed:#}");
    }
    Ok(())
}
