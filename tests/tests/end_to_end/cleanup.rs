//! `turnout cleanup`: exactly the agreed rows go from both sides, and they come back as they were.

mod breaking;
mod refusals;
mod undo;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use turnout_tests::{Host, Site, eventually};

/// Everybody's rows are on `old`, and mirrored.
const DUALWRITE: &str = "[default]\nstage = 'dualwrite'\n";

/// Three clients with test marks, of whom two have a booking.
const MARKED: &str = "
    insert into clients (id, phone, name, notes) values
        (9001, '89990001111', '[TEST_CLIENT] Anna', 'a ''quoted'' note 😀'),
        (9002, '+7 999 000-22-22', 'Boris', null),
        (9003, null, 'Vera [TEST_CLIENT]', '');
    insert into bookings (id, client_id, client_phone, datetime, price) values
        (9101, 9001, '89990001111', '2026-03-01 10:00+03', 1500.50),
        (9102, 9002, '89990002222', '2026-03-02 10:00+03', null)";

/// The clients above.
const THEM: &str = "id=in.(9001,9002,9003)";

/// A site whose rows are mirrored, with the rows above and these of a test, equal on both sides, and a host on it.
async fn site_with(rows: &str) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.route(DUALWRITE)?;
    let host = host(&site, &[]).await?;
    let (old, _) = site.databases().await?;
    old.execute(AssertSqlSafe(MARKED)).await?;
    old.execute(AssertSqlSafe(rows)).await?;
    settled(&host).await;
    equal(&site).await?;
    Ok((site, host))
}

/// A host on a site, which the commands of the site ask.
async fn host(site: &Site, changes: &[(&str, &str)]) -> Result<Host> {
    site.configure(changes)?;
    let host = site.host().await?;
    let listen = format!("'{}'", host.address());
    site.configure(&[changes, &[("api.listen", &listen)]].concat())?;
    Ok(host)
}

/// Waits until both sides have been compared and nothing is pending.
async fn settled(host: &Host) {
    host.status_with("nothing is pending", |status| {
        let all_mirrored = |side: &str| {
            let repositories = status["mirror"][side]["repositories"].as_array();
            repositories.is_some_and(|all| all.iter().all(|one| one["dirty"] == 0))
        };
        status["converging"] == serde_json::json!([]) && all_mirrored("old") && all_mirrored("new")
    })
    .await;
}

/// The digests of all rows of these tables.
async fn digests(database: &PgPool) -> Result<Vec<String>> {
    let mut digests = Vec::new();
    for table in [
        "clients",
        "bookings",
        "companies",
        "staff",
        "services",
        "staff_schedules",
        "dialog_contexts",
    ] {
        let query = format!(
            "select concat('{table} ', count(*), ' ', md5(string_agg(t::text, ' ' order by id))) from {table} as t"
        );
        digests.push(sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(database).await?);
    }
    Ok(digests)
}

/// Waits until both sides have the same rows, and returns their digests.
async fn equal(site: &Site) -> Result<Vec<String>> {
    let (old, new) = site.databases().await?;
    Ok(eventually("both sides are equal", async || {
        let (old, new) = (digests(&old).await.ok()?, digests(&new).await.ok()?);
        (old == new).then_some(old)
    })
    .await)
}

/// How many of the clients above a side has.
async fn clients(database: &PgPool) -> Result<i64> {
    let query = "select count(*) from clients where id between 9000 and 9099";
    Ok(sqlx::query_scalar(query).fetch_one(database).await?)
}

/// Removes the rows that match, of which there are so many, and returns the id that puts them back.
fn clean(site: &Site, repository: &str, filter: &str, rows: u64) -> Result<String> {
    let said = site.turnout(&[
        "cleanup",
        repository,
        "--where",
        filter,
        "--execute",
        "--expect",
        &rows.to_string(),
    ])?;
    let (_, id) = said.split_once("turnout cleanup undo ").context(said.clone())?;
    Ok(id.trim().to_owned())
}

/// What a cleanup that must be refused says.
fn refused(site: &Site, repository: &str, filter: &str, rows: u64) -> Result<String> {
    let arguments = [
        "cleanup",
        repository,
        "--where",
        filter,
        "--execute",
        "--expect",
        &rows.to_string(),
    ];
    let (succeeded, out, err) = site.said(&arguments)?;
    ensure!(!succeeded, "{out}");
    Ok(err)
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_shows_what_would_go_and_removes_nothing() -> Result<()> {
    let (site, _host) = site_with("").await?;
    let before = equal(&site).await?;
    let said = site.turnout(&["cleanup", "clients", "--where", THEM])?;
    for expected in [
        "clients on old: 3 rows match, 0 rows refer to rows that go; 3 of them have test marks; the table has",
        "bookings on old: 0 rows match, 2 rows refer to rows that go; 2 of them have test marks; the table has",
        "\"name\":\"[TEST_CLIENT] Anna\"",
        "bookings on old  {\"id\":9101}",
        "bookings on old  {\"id\":9102}",
        "the policy agrees. Nothing was removed. To remove these 5 rows: turnout cleanup clients --where 'id=in.(9001,9002,9003)' --execute --expect 5",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn agreed_rows_go_from_both_sides_and_come_back_as_they_were() -> Result<()> {
    let (site, host) = site_with("").await?;
    let (old, new) = site.databases().await?;
    let before = equal(&site).await?;
    let id = clean(&site, "clients", THEM, 5)?;
    assert_eq!((clients(&old).await?, clients(&new).await?), (0, 0));
    let after = equal(&site).await?;
    assert_ne!(after, before);
    let listed = site.turnout(&["cleanup", "list"])?;
    assert!(
        listed.contains(&id) && listed.contains("3 rows of clients removed from old, 0 put back"),
        "{listed}"
    );

    let said = site.turnout(&["cleanup", "undo", &id])?;
    assert_eq!(said, "5 rows are back on old\n");
    assert_eq!(equal(&site).await?, before);
    let (succeeded, _, err) = site.said(&["cleanup", "undo", &id])?;
    assert!(!succeeded && err.contains("no rows are kept of cleanup"), "{err}");

    let evidence: Vec<String> =
        sqlx::query_scalar("select result::text from turnout.evidence where kind = 'cleanup' order by number")
            .fetch_all(&new)
            .await?;
    let steps: Vec<String> = evidence
        .iter()
        .map(|result| Ok(serde_json::from_str::<serde_json::Value>(result)?["step"].to_string()))
        .collect::<Result<_>>()?;
    assert_eq!(steps, [r#""begun""#, r#""done""#, r#""undo begun""#, r#""undone""#]);
    for result in evidence.iter().map(String::as_str).chain([host.log().as_str()]) {
        assert!(
            !result.contains("999000") && !result.contains("Anna") && !result.contains("TEST_CLIENT"),
            "{result}"
        );
    }
    assert!(
        evidence[0].contains("\"filter\":\"and(id.in.…)\"") && evidence[0].contains("api.admin_key"),
        "{}",
        evidence[0]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_both_authorities_go_each_from_its_own() -> Result<()> {
    let site = Site::set_up().await?;
    site.route(
        "[default]\nstage = 'dualwrite'\n[[cohort]]\nname = 'one'\nsubjects = ['89990001111']\nstage = 'live'\n",
    )?;
    let host = host(&site, &[]).await?;
    settled(&host).await;
    let (old, new) = site.databases().await?;
    new.execute(AssertSqlSafe(
        "insert into clients (id, phone, name) values (9001, '89990001111', 'Anna')",
    ))
    .await?;
    old.execute(AssertSqlSafe(
        "insert into clients (id, phone, name) values (9002, '89990002222', 'Boris')",
    ))
    .await?;
    equal(&site).await?;
    // A booking of the subject on `new` refers to a client on `old`: the booking goes first.
    new.execute(AssertSqlSafe(
        "insert into bookings (id, client_id, client_phone, datetime) values (9101, 9002, '89990001111', now())",
    ))
    .await?;
    let before = equal(&site).await?;
    let id = clean(&site, "clients", "id=in.(9001,9002)", 3)?;
    assert_eq!((clients(&old).await?, clients(&new).await?), (0, 0));
    equal(&site).await?;
    assert_eq!(
        site.turnout(&["cleanup", "undo", &id])?,
        "1 rows are back on old\n2 rows are back on new\n"
    );
    assert_eq!(equal(&site).await?, before);
    Ok(())
}
