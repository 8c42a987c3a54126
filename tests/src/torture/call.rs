//! Requests in the PostgREST dialect, and the meaning of their answers.

use std::collections::{BTreeSet, HashMap};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Map, Value as Json, json};

use super::ending::{Ending, send};
use super::history::Outcome;
use super::rows::{Key, Table};
use super::spec::{Reply, Step, Value};
use super::world::World;
use crate::{Answer, Site};

/// Carries out one step on each of these rows of one table, in one request to the host of a place. The step is the same for all rows.
/// Inserts and upserts have a value for each row, an update has one value for all rows. If the request does not name the subjects, the host
/// must find out whose rows an update or a delete touches.
pub(crate) async fn call(world: &World, place: usize, rows: &[(Key, Step)], names_subjects: bool) -> Vec<Outcome> {
    let request = request(world, place, rows, names_subjects);
    let (_, step) = &rows[0];
    let ending = send(world, step, request, |answer| {
        // With this header the host says that the read may have missed something.
        if *step == Step::Read && !answer.header("x-turnout-staleness").is_empty() {
            return Some(Ending::Refused);
        }
        let body: Vec<Json> = serde_json::from_str(&answer.text).ok()?;
        let found = found(rows[0].0.table, &body)?;
        Some(Ending::Replies(
            rows.iter().map(|row| reply(row, answer, rows.len(), &found)).collect(),
        ))
    });
    ending.await.outcomes(&world.recorder, rows)
}

fn request(world: &World, place: usize, rows: &[(Key, Step)], names_subjects: bool) -> RequestBuilder {
    let (key, step) = &rows[0];
    let table = key.table;
    let (subject, number, value) = (table.subject(), table.number(), table.value());
    let list = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join(",");
    let numbers = list(rows.iter().map(|(key, _)| key.number.to_string()).collect());
    let mut these = format!("&{number}=in.({numbers})");
    if names_subjects {
        let subjects = list(rows.iter().map(|(key, _)| key.phone.clone()).collect());
        these.extend(["&", subject, "=in.(", &subjects, ")"]);
    }
    let (method, condition) = match step {
        Step::Insert(_) => (Method::POST, String::new()),
        Step::Upsert(_) => (Method::POST, format!("&on_conflict={number},company_id")),
        Step::Update(_) => (Method::PATCH, these),
        Step::Delete => (Method::DELETE, these),
        Step::Read => (Method::GET, these),
    };
    let url = format!(
        "http://{}/rest/v1/{}?select={number},{value}{condition}",
        world.hosts.address(place),
        table.name()
    );
    let request = world
        .client
        .request(method, url)
        .header("apikey", Site::KEY)
        .header("prefer", "return=representation,resolution=merge-duplicates");
    match step {
        Step::Insert(_) | Step::Upsert(_) => request.json(&rows.iter().map(whole).collect::<Vec<_>>()),
        Step::Update(written) => request.json(&json!({ value: written.to_string() })),
        Step::Delete | Step::Read => request,
    }
}

/// A row with all columns that must be given.
pub(crate) fn whole((key, step): &(Key, Step)) -> Json {
    let table = key.table;
    let (required, default) = table.required();
    let fields = [
        (table.subject(), json!(key.phone)),
        (table.number(), json!(key.number)),
        (table.value(), json!(step.value().map(|value| value.to_string()))),
        ("company_id", json!(1)),
        (required, json!(default)),
    ];
    fields
        .map(|(column, value)| (column.to_owned(), value))
        .into_iter()
        .collect::<Map<_, _>>()
        .into()
}

/// The value of each of these rows, by its business key.
pub(crate) fn found(table: Table, rows: &[Json]) -> Option<HashMap<i64, Value>> {
    let field = |row: &Json| {
        Some((
            row[table.number()].as_i64()?,
            row[table.value()].as_str()?.parse().ok()?,
        ))
    };
    rows.iter().map(field).collect()
}

fn reply((key, step): &(Key, Step), answer: &Answer, rows: usize, found: &HashMap<i64, Value>) -> Reply {
    let found = found.get(&key.number).copied();
    match step {
        // One status answers for all rows.
        Step::Upsert(_) if rows > 1 => Reply::Untold,
        Step::Upsert(_) if answer.status == StatusCode::OK => Reply::Changed,
        Step::Insert(_) | Step::Upsert(_) => Reply::Inserted,
        Step::Update(_) => found.map_or(Reply::Missed, |_| Reply::Changed),
        Step::Delete | Step::Read => Reply::Was(found),
    }
}
