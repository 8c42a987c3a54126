//! Waits until the system has recovered, once nothing is broken any more.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use super::rows::FIRST_NUMBER;
use super::stages::LISTED;
use super::world::World;
use crate::Site;

/// How long to wait between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until `look` finds something, for at most `limit`.
pub(crate) async fn within<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if began.elapsed() > limit {
            return None;
        }
        sleep(PAUSE).await;
    }
}

/// The status of the host of a place.
pub(crate) async fn status(world: &World, place: usize) -> Option<Value> {
    status_at(world, &world.hosts.address(place)).await
}

/// The status of the host at an address.
pub(crate) async fn status_at(world: &World, address: &str) -> Option<Value> {
    let url = format!("http://{address}/v1/status");
    let request = world.client.get(url).header("apikey", Site::ADMIN_KEY);
    request.send().await.ok()?.json().await.ok()
}

/// Whether every host serves and reaches both databases.
pub(crate) async fn all_up(world: &World) -> Option<()> {
    for place in 0..world.hosts.count() {
        let backends = &status(world, place).await?["backends"];
        (backends["old"]["up"] == true && backends["new"]["up"] == true).then_some(())?;
        serves(world, place).await?;
    }
    Some(())
}

/// Whether the host of a place carries out a write for a subject. The write touches no row. A policy that traps fails the write.
async fn serves(world: &World, place: usize) -> Option<()> {
    let (subject, nothing) = (LISTED[0], FIRST_NUMBER - 1);
    let url = format!(
        "http://{}/rest/v1/bookings?client_phone=eq.{subject}&yclients_record_id=eq.{nothing}",
        world.hosts.address(place)
    );
    let request = world.client.patch(url).header("apikey", Site::KEY);
    let answer = request.json(&json!({"comment": "0"})).send().await.ok()?;
    answer.status().is_success().then_some(())
}

/// Whether no entries are pending on either side. Parked keys count as pending.
pub(crate) async fn drained(world: &World) -> Option<()> {
    for (_, database) in world.databases.iter() {
        let left = count(database, "select count(*) from turnout.dirty").await?
            + count(database, "select count(*) from turnout.held").await?;
        (left == 0).then_some(())?;
    }
    Some(())
}

/// The result of a counting query, if the database answers.
pub(crate) async fn count(database: &PgPool, query: &'static str) -> Option<i64> {
    sqlx::query_scalar(query).fetch_one(database).await.ok()
}
