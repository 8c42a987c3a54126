//! Which side answers a read across repositories, and what it waits for.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use turnout_tests::{Site, eventually, turnout};

use super::salon::Salon;

/// Its rows are on `new`.
const ON_NEW: &str = "bookings?client_phone=eq.89686484488&select=id,staff(name)&order=id.desc&limit=1";

#[tokio::test]
async fn the_authority_of_the_target_answers_and_waits_for_the_others() -> Result<()> {
    let site = Site::set_up().await?;
    // Longer than any stall of a busy machine.
    site.configure(&[("reads.wait", "'3s'")])?;
    let host = site.host().await?;
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let (_, new) = site.databases().await?;
    let path = format!("/rest/v1/{ON_NEW}");
    let booking = json!({"client_phone": "89686484488", "datetime": "2026-11-24T10:00:00Z", "staff_id": 1});
    let booked = host.write(Method::POST, "/rest/v1/bookings", &booking).await?;
    assert_eq!(
        (booked.status.as_u16(), booked.backend()),
        (201, "new"),
        "{}",
        booked.text
    );
    for round in 0..5 {
        let name = json!({"name": format!("renamed {round}")});
        let renamed = host.write(Method::PATCH, "/rest/v1/staff?id=eq.1", &name).await?;
        assert_eq!(renamed.backend(), "old");
        let read = host.get(&path).await?;
        assert_eq!((read.status.as_u16(), read.backend()), (200, "new"), "{}", read.text);
        assert_eq!(read.header("x-turnout-staleness"), "");
        assert_eq!(read.json()[0]["staff"], name);
    }

    let mut held = new.begin().await?;
    sqlx::query("lock table staff in share mode")
        .execute(&mut *held)
        .await?;
    let late = host
        .write(Method::PATCH, "/rest/v1/staff?id=eq.1", &json!({"name": "late"}))
        .await?;
    assert_eq!(late.header("x-turnout-mirror"), "pending", "{late:?}");
    let stale = host.get(&path).await?;
    assert_eq!(stale.json()[0]["staff"], json!({"name": "renamed 4"}));
    let age: u64 = stale.header("x-turnout-staleness").parse()?;
    assert!((100..20_000).contains(&age), "{age}");
    let alone = host
        .get("/rest/v1/bookings?client_phone=eq.89686484488&select=id&limit=1")
        .await?;
    assert_eq!((alone.backend(), alone.header("x-turnout-staleness")), ("new", ""));
    held.rollback().await?;
    eventually("the read misses nothing", async || {
        let read = host.get(&path).await.ok()?;
        (read.header("x-turnout-staleness").is_empty() && read.json()[0]["staff"]["name"] == "late").then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn rows_that_are_not_kept_on_the_side_that_answers_are_refused() -> Result<()> {
    let salon = Salon::set_up_with("[repositories.masters]\nstage = \"live\"\n").await?;
    salon
        .host
        .status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let embedded = "masters?select=id,visits!visits_master_id_fkey(id)&id=eq.1";
    let answer = salon.ask(Method::GET, embedded, &[], None).await?;
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["code"]),
        (409, &json!("TURNOUT_AUTHORITY")),
        "{}",
        answer.text
    );
    assert_eq!(
        body["message"],
        "the rows of visits are on backend old and are not kept equal on backend new, which answers here; read them by themselves, or \
         give visits a stage that mirrors it there, such as `dualwrite`"
    );
    let whole = [("prefer", "return=representation")];
    let renamed = json!({"name": "Olya"});
    let answer = salon.ask(Method::PATCH, embedded, &whole, Some(&renamed)).await?;
    assert_eq!(answer.status, 409, "{}", answer.text);
    let alone = salon.ask(Method::GET, "masters?select=name&id=eq.1", &[], None).await?;
    assert_eq!((alone.backend(), alone.text.as_str()), ("new", r#"[{"name":"Olga"}]"#));

    // The other way round the master is mirrored to the side that answers.
    let other = salon
        .ask(
            Method::GET,
            "visits?select=id,masters!visits_master_id_fkey(name)&id=eq.1",
            &[],
            None,
        )
        .await?;
    assert_eq!((other.status.as_u16(), other.backend()), (200, "old"), "{}", other.text);

    let checked = turnout()
        .arg("--config")
        .arg(salon.site.config())
        .arg("check")
        .output()?;
    let checked = String::from_utf8(checked.stdout)?;
    let warning = "warn   visits can't be embedded in masters, which new answers: its rows are not kept equal there; give visits a stage \
                   that mirrors it";
    assert!(checked.lines().any(|line| line == warning), "{checked}");

    // What is no repository has no authority, and is read on the side that answers.
    let other = salon
        .ask(Method::GET, "guests?select=cards(number)&id=eq.1", &[], None)
        .await?;
    assert_eq!(other.text, r#"[{"cards":{"number":"A-1"}}]"#);
    Ok(())
}
