//! Rows that refer to rows that the other side has not mirrored yet.

use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Postgres, Transaction};
use turnout_tests::{Host, Site, eventually};

const ON_NEW: &str = "89686484488";

/// Locks the staff against the mirror, and against no reader, until the lock is dropped.
async fn hold_staff(new: &PgPool) -> Result<Transaction<'static, Postgres>> {
    let mut held = new.begin().await?;
    sqlx::query("lock table staff in share mode")
        .execute(&mut *held)
        .await?;
    Ok(held)
}

/// Inserts a member of the staff on `old`, and returns the id.
async fn hire(host: &Host) -> Result<Value> {
    let hired = host
        .write(Method::POST, "/rest/v1/staff?select=id", &json!({"name": "new here"}))
        .await?;
    assert_eq!((hired.status.as_u16(), hired.backend()), (201, "old"), "{}", hired.text);
    Ok(hired.json()[0]["id"].clone())
}

/// Waits until a host looks for entries that are pending.
async fn somebody_waits_for_the_mirror(old: &PgPool) {
    eventually("a write waits for the mirror", async || {
        let query = "select true from pg_stat_activity where query like '%turnout.leftovers%' and pid <> pg_backend_pid() limit 1";
        sqlx::query_scalar::<_, bool>(query).fetch_optional(old).await.ok()?
    })
    .await;
}

#[tokio::test]
async fn a_booking_waits_for_its_parent_on_the_other_side() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let booking =
        |staff: &Value| json!({"client_phone": ON_NEW, "datetime": "2026-11-24T10:00:00Z", "staff_id": staff});

    let held = hold_staff(&new).await?;
    let staff = hire(&host).await?;
    let rows = booking(&staff);
    let (booked, released) = tokio::join!(host.write(Method::POST, "/rest/v1/bookings", &rows), async {
        somebody_waits_for_the_mirror(&old).await;
        held.rollback().await
    });
    released?;
    let booked = booked?;
    assert_eq!(
        (booked.status.as_u16(), booked.backend()),
        (201, "new"),
        "{}",
        booked.text
    );

    for _ in 0..20 {
        let staff = hire(&host).await?;
        let operations =
            json!({"operations": [{"action": "insert", "repository": "bookings", "rows": booking(&staff)}]});
        let request = host.request(Method::POST, "/v1/transactions").json(&operations);
        let booked = host.send(request).await?;
        assert_eq!(
            (booked.status.as_u16(), booked.backend()),
            (200, "new"),
            "{}",
            booked.text
        );
    }

    let nobody = host
        .write(Method::POST, "/rest/v1/bookings", &booking(&json!(999_999)))
        .await?;
    assert_eq!((nobody.status.as_u16(), &nobody.json()["code"]), (409, &json!("23503")));

    // A write waits for a row that does not arrive for at most a second.
    let held = hold_staff(&new).await?;
    let rows = booking(&hire(&host).await?);
    let began = Instant::now();
    let late = host.write(Method::POST, "/rest/v1/bookings", &rows).await?;
    assert_eq!((late.status.as_u16(), &late.json()["code"]), (409, &json!("23503")));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    held.rollback().await?;
    Ok(())
}
