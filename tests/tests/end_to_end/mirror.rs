//! Rows that are written on one side appear on the other.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use turnout_tests::{Answer, Host, Site, eventually};

const CLIENT: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,notes";

/// A site and a host under which everything is written to `old` and mirrored, once both sides are compared.
async fn dual_writing(budget: &str) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    site.configure(&[("handoff.budget", budget)])?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let host = site.host().await?;
    compared(&host).await;
    Ok((site, host))
}

/// Waits until both sides are compared and no entries are pending.
async fn compared(host: &Host) {
    eventually("both sides are compared", async || {
        let status = host.get("/v1/status").await.ok()?.json();
        let old = status["mirror"]["old"]["repositories"].as_array()?;
        (status["converging"] == json!([]) && old.iter().all(|one| one["dirty"] == 0)).then_some(())
    })
    .await;
}

async fn note(host: &Host, notes: &str) -> Result<Answer> {
    host.write(Method::PATCH, CLIENT, &json!({ "notes": notes })).await
}

async fn value(database: &PgPool, query: &str) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_optional(database)
        .await
        .ok()?
}

async fn arrives(database: &PgPool, query: &str, expected: &str) {
    eventually("it is there", async || {
        (value(database, query).await? == expected).then_some(())
    })
    .await;
}

const NOTES: &str = "select notes from clients where phone = '89686484488'";

#[tokio::test]
async fn writes_of_turnout_and_of_psql_are_mirrored() -> Result<()> {
    let (site, host) = dual_writing("'5s'").await?;
    let (old, new) = site.databases().await?;
    let written = note(&host, "through Turnout").await?;
    assert_eq!(
        (
            written.status.as_u16(),
            written.backend(),
            written.header("x-turnout-mirror")
        ),
        (200, "old", "pending")
    );
    arrives(&new, NOTES, "through Turnout").await;

    sqlx::query("update clients set notes = 'by psql' where phone = '89686484488'")
        .execute(&old)
        .await?;
    arrives(&new, NOTES, "by psql").await;

    let deleted = host
        .send(host.request(Method::DELETE, "/rest/v1/bookings?client_phone=eq.89686484488"))
        .await?;
    assert_eq!(deleted.header("x-turnout-mirror"), "done", "{}", deleted.text);
    let left = value(
        &new,
        "select count(*)::text from bookings where client_phone = '89686484488'",
    )
    .await;
    assert_eq!(left.as_deref(), Some("0"));
    Ok(())
}

#[tokio::test]
async fn a_write_says_how_the_other_side_stands() -> Result<()> {
    let (site, host) = dual_writing("'5s'").await?;
    let (_, new) = site.databases().await?;
    let book = async |comment: &str| {
        let booking = json!({"client_phone": "89686484488", "datetime": "2026-11-24T10:00:00Z", "comment": comment});
        host.write(Method::POST, "/rest/v1/bookings", &booking).await
    };
    for number in 0..20 {
        let comment = format!("sync {number}");
        let booked = book(&comment).await?;
        assert_eq!(booked.header("x-turnout-mirror"), "done", "{}", booked.text);
        let there = value(
            &new,
            &format!("select comment from bookings where comment = '{comment}'"),
        )
        .await;
        assert_eq!(there.as_ref(), Some(&comment), "the answer came before the row");
    }
    // A lock on the copy's table delays the copy, and not the answer.
    let mut blocking = new.begin().await?;
    sqlx::query("lock table bookings in exclusive mode")
        .execute(&mut *blocking)
        .await?;
    let booked = book("late").await?;
    assert_eq!(
        (booked.status.as_u16(), booked.header("x-turnout-mirror")),
        (201, "pending")
    );
    blocking.rollback().await?;
    arrives(&new, "select comment from bookings where comment = 'late'", "late").await;

    site.route("[default]\nstage = 'off'\n")?;
    eventually("nothing is mirrored any more", async || {
        let booked = book("alone").await.ok()?;
        (booked.header("x-turnout-mirror") == "off").then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_dead_mirror_fails_no_write_and_catches_up() -> Result<()> {
    let (mut site, host) = dual_writing("'5s'").await?;
    site.new.kill().await?;
    for number in 0..30 {
        let written = note(&host, &format!("alone {number}")).await?;
        assert_eq!(
            (
                written.status.as_u16(),
                written.backend(),
                written.header("x-turnout-mirror")
            ),
            (200, "old", "pending"),
            "{}",
            written.text
        );
    }
    let booking = json!({"client_phone": "89686484488", "datetime": "2026-11-24T10:00:00Z"});
    let booked = host.write(Method::POST, "/rest/v1/bookings", &booking).await?;
    assert_eq!(
        (booked.status.as_u16(), booked.header("x-turnout-mirror")),
        (201, "pending")
    );
    site.new.restart().await?;
    let (old, new) = site.databases().await?;
    arrives(&new, NOTES, "alone 29").await;
    eventually("the bookings are equal", async || {
        let count = "select md5(string_agg(bookings::text, '' order by id)) from bookings";
        (value(&old, count).await? == value(&new, count).await?).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn no_table_of_turnout_grows_while_it_is_drained() -> Result<()> {
    let (site, host) = dual_writing("'5s'").await?;
    let (old, new) = site.databases().await?;
    for round in 0..16 {
        let changed = host
            .send(
                host.request(Method::PATCH, "/rest/v1/clients?id=gt.0")
                    .json(&json!({ "visit_count": round })),
            )
            .await?;
        assert_eq!(changed.status, 204, "{}", changed.text);
        arrives(&old, "select count(*)::text from turnout.dirty", "0").await;
    }
    arrives(
        &new,
        "select count(*)::text from clients where visit_count = 15",
        "1299",
    )
    .await;
    for database in [&old, &new] {
        let large = "select string_agg(relname || ' ' || size, ', ') from (
            select relname, pg_total_relation_size(oid) as size from pg_class
            where relnamespace = 'turnout'::regnamespace and relkind = 'r' and relname <> 'module'
        ) as t where size > 5000000";
        assert_eq!(value(database, large).await, None);
        assert_eq!(
            value(database, "select count(*)::text from turnout.dirty")
                .await
                .as_deref(),
            Some("0")
        );
    }
    Ok(())
}

#[tokio::test]
async fn mirroring_a_child_without_its_parent_is_refused() -> Result<()> {
    let (site, host) = dual_writing("'5s'").await?;
    site.route("[default]\nstage = 'dualwrite'\n[repositories.staff]\nstage = 'off'\n")?;
    let reason = eventually("it is refused", async || {
        let status = host.get("/v1/status").await.ok()?.json();
        status["refused"]["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(
        reason.contains("staff_schedules") || reason.contains("bookings"),
        "{reason}"
    );
    assert!(reason.contains("public.staff"), "{reason}");
    assert_eq!(note(&host, "as before").await?.header("x-turnout-epoch"), "1");
    Ok(())
}
