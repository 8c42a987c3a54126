//! The schema is read anew when the application says that it changed.

use anyhow::Result;
use sqlx::raw_sql;
use turnout_tests::{Host, Site, eventually};

/// What the view shows at first: staff, whose rows are on `old`.
const FIRST: &str = "create view shown as select id from staff";

/// What it shows later: services, whose rows are on `new`.
const LATER: &str = "drop view shown; create view shown as select id from services";

/// A site with the view, and a host that knows it.
async fn set_up() -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(FIRST).execute(side).await?;
    }
    site.route("[default]\nstage = 'dualwrite'\n[repositories.services]\nstage = 'live'\n")?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| {
        status["converging"] == serde_json::json!([]) && status["leaving"] == serde_json::json!([])
    })
    .await;
    assert_eq!(host.get("/rest/v1/shown?limit=1").await?.backend(), "old");
    for side in [&old, &new] {
        raw_sql(LATER).execute(side).await?;
    }
    let before = host.get("/rest/v1/shown?limit=1").await?;
    assert_eq!(
        before.backend(),
        "old",
        "nothing has told the host that it is another view"
    );
    Ok((site, host))
}

async fn is_read_anew(host: &Host) {
    eventually("the view is one of the other repository", async || {
        let answer = host.get("/rest/v1/shown?limit=1").await.ok()?;
        (answer.backend() == "new").then_some(())
    })
    .await;
    assert!(host.log().contains("the schema was read anew"), "{}", host.log());
}

#[tokio::test]
async fn a_notification_has_the_schema_read_anew() -> Result<()> {
    let (site, host) = set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql("notify pgrst, 'reload schema'").execute(side).await?;
    }
    is_read_anew(&host).await;
    Ok(())
}

#[tokio::test]
async fn a_hangup_has_the_schema_read_anew() -> Result<()> {
    let (_site, host) = set_up().await?;
    host.hang_up()?;
    is_read_anew(&host).await;
    host.stop().await
}
