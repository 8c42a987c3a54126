//! Transactions through `/v1/transactions`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::call::{found, whole};
use super::ending::{Ending, send};
use super::history::Outcome;
use super::rows::Key;
use super::spec::{Reply, Step};
use super::world::World;
use crate::Site;

/// The isolation levels that a transaction may ask for.
pub(crate) const ISOLATIONS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

#[derive(Deserialize)]
struct Told {
    results: Vec<Rows>,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<Json>,
}

/// Carries out a step on each of these rows in one transaction, by the host of a place: all of them or none.
pub(crate) async fn transact(world: &World, place: usize, rows: &[(Key, Step)], isolation: &str) -> Vec<Outcome> {
    let operations: Vec<_> = rows.iter().map(operation).collect();
    let body = json!({"isolation": isolation, "operations": operations});
    let request = world
        .client
        .post(format!("http://{}/v1/transactions", world.hosts.address(place)))
        .header("apikey", Site::KEY)
        .json(&body);
    let steps: Vec<_> = rows.iter().map(|(_, step)| step).collect();
    let ending = send(world, &steps, request, |answer| {
        let Told { results } = serde_json::from_str(&answer.text).ok()?;
        if results.len() != rows.len() {
            return None;
        }
        let replies = rows.iter().zip(&results).map(|(row, result)| reply(row, result));
        Some(Ending::Replies(replies.collect::<Option<_>>()?))
    });
    ending.await.outcomes(&world.recorder, rows)
}

fn operation(row: &(Key, Step)) -> Json {
    let (Key { table, phone, number }, step) = row;
    let action = match step {
        Step::Insert(_) => "insert",
        Step::Upsert(_) => "upsert",
        Step::Update(_) => "update",
        Step::Delete => "delete",
        Step::Read => "find",
    };
    let select = format!("{},{}", table.number(), table.value());
    let mut operation = json!({"action": action, "repository": table.name(), "select": select});
    match step {
        Step::Insert(_) | Step::Upsert(_) => operation["rows"] = whole(row),
        Step::Update(_) | Step::Delete | Step::Read => {
            operation["match"] = json!({table.subject(): phone, table.number(): number});
        }
    }
    match step {
        Step::Upsert(_) => operation["on_conflict"] = format!("{},company_id", table.number()).into(),
        Step::Update(written) => operation["rows"] = json!({table.value(): written.to_string()}),
        _ => {}
    }
    operation
}

fn reply((key, step): &(Key, Step), result: &Rows) -> Option<Reply> {
    let found = found(key.table, &result.rows)?.remove(&key.number);
    Some(match step {
        Step::Insert(_) => Reply::Inserted,
        Step::Upsert(_) => Reply::Untold,
        Step::Update(_) => found.map_or(Reply::Missed, |_| Reply::Changed),
        Step::Delete | Step::Read => Reply::Was(found),
    })
}
