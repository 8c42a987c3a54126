//! `turnout status` shows the progress of a comparison of both sides.

use anyhow::Result;
use serde_json::{Value, json};
use sqlx::raw_sql;
use turnout_tests::{Site, eventually};

#[tokio::test]
async fn status_shows_how_far_a_comparison_is() -> Result<()> {
    let site = Site::set_up().await?;
    site.route("[default]\nstage = 'dualwrite'\n")?;
    let (old, new) = site.databases().await?;
    for database in [&old, &new] {
        raw_sql(
            "create type public.kind as enum ('usual');
            create table public.notes (id integer, kind public.kind, primary key (id, kind));
            insert into public.notes select n, 'usual' from generate_series(1, 1000) as n",
        )
        .execute(database)
        .await?;
    }
    // Reading a key of this type waits on `new` while somebody holds the lock.
    raw_sql(
        "create function public.waits(public.kind) returns json language plpgsql
        as $$ begin perform pg_advisory_xact_lock_shared(7); return '\"usual\"'; end $$;
        create cast (public.kind as json) with function public.waits(public.kind)",
    )
    .execute(&new)
    .await?;
    let mut held = new.begin().await?;
    raw_sql("select pg_advisory_xact_lock(7)").execute(&mut *held).await?;
    site.configure(&[("repositories.notes.key", "['id', 'kind']")])?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = site.host().await?;
    site.configure(&[("api.listen", &format!("'{}'", host.address()))])?;

    let status = host
        .status_with("one side is gone through and the other waits", |status| {
            let comparing = &status["comparing"];
            comparing["repository"] == "notes"
                && comparing["old"]["rows"].as_u64() > Some(0)
                && comparing["old"]["rows"] == comparing["old"]["of_about"]
                && comparing["new"]["of_about"].as_u64() > Some(0)
        })
        .await;
    let comparing = &status["comparing"];
    assert_eq!(comparing["new"]["rows"], 0);
    let about = &comparing["old"]["of_about"];
    let words = format!("being compared: notes: {about} of about {about} rows on old, 0 of about ");
    // A comparison that waits too long begins anew.
    eventually("the command says so", async || {
        site.turnout(&["status"]).ok()?.contains(&words).then_some(())
    })
    .await;
    held.rollback().await?;
    host.status_with("it is over", |status| {
        status["converging"] == json!([]) && status["comparing"] == Value::Null
    })
    .await;
    Ok(())
}
