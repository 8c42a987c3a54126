//! Operations through the public API, and what an answer says of them.

use std::collections::HashMap;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::history::Outcome;
use super::rows::Key;
use super::spec::{Reply, Step};
use super::world::World;
use crate::{Answer, Site};

/// One step on each of these rows, which is the same for all but for its value: in one request, by the host of a place.
/// Several rows have one subject and are read, or inserted all or none.
pub(crate) async fn call(world: &World, place: usize, rows: &[(Key, Step)]) -> Vec<Outcome> {
    let sent = request(world, place, rows).send().await;
    let answer = match sent {
        Ok(response) => Answer::read(response).await,
        // Nothing was sent.
        Err(error) if error.is_connect() => return vec![Outcome::Refused; rows.len()],
        Err(error) => Err(error),
    };
    let ending = answer.map_or(Ending::InDoubt, |answer| {
        read(rows, &answer).unwrap_or_else(|surprise| {
            world.surprised_by(surprise);
            Ending::InDoubt
        })
    });
    let outcome = |index| match &ending {
        Ending::Replies(replies) => Outcome::Done(world.recorder.now(), replies[index]),
        Ending::InDoubt => Outcome::InDoubt,
        Ending::Refused => Outcome::Refused,
    };
    (0..rows.len()).map(outcome).collect()
}

/// How a request ended.
enum Ending {
    /// It was done; a reply for each row.
    Replies(Vec<Reply>),
    InDoubt,
    Refused,
}

fn request(world: &World, place: usize, rows: &[(Key, Step)]) -> RequestBuilder {
    let (key, step) = &rows[0];
    let table = key.table;
    let (subject, number, value) = (table.subject(), table.number(), table.value());
    let numbers: Vec<_> = rows.iter().map(|(key, _)| key.number.to_string()).collect();
    let these = format!("&{subject}=eq.{}&{number}=in.({})", key.phone, numbers.join(","));
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

/// A row with all that must be given.
fn whole((key, step): &(Key, Step)) -> Json {
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

/// What an answer says; an error is an answer that no fault excuses.
fn read(rows: &[(Key, Step)], answer: &Answer) -> Result<Ending, String> {
    let surprise = || format!("{:?} answered by {}: {}", rows[0].1, answer.status, answer.text);
    // The host says so itself: this read may have missed something.
    if rows[0].1 == Step::Read && !answer.header("x-turnout-staleness").is_empty() {
        return Ok(Ending::Refused);
    }
    if answer.status.is_success() {
        let found = found(rows, answer).ok_or_else(surprise)?;
        return Ok(Ending::Replies(
            rows.iter().map(|row| reply(row, answer.status, &found)).collect(),
        ));
    }
    let refusal: Refusal = serde_json::from_str(&answer.text).map_err(|_| surprise())?;
    let in_doubt = match (answer.status.as_u16(), refusal.code.as_str()) {
        (409, "23505") => match rows {
            [(_, Step::Insert(_))] => return Ok(Ending::Replies(vec![Reply::Taken])),
            // Which of the rows is there, it does not say.
            _ => false,
        },
        (409, "TURNOUT_AUTHORITY") => false,
        (503, _) => refusal.message.contains("may have been"),
        (504, _) => true,
        // The database was ended, or ended the transaction.
        (500, sqlstate) if ["40", "57"].iter().any(|class| sqlstate.starts_with(class)) => true,
        _ => return Err(surprise()),
    };
    Ok(if in_doubt { Ending::InDoubt } else { Ending::Refused })
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

/// The value of each row in an answer, by business key.
fn found(rows: &[(Key, Step)], answer: &Answer) -> Option<HashMap<i64, u64>> {
    let table = rows[0].0.table;
    let body: Vec<Json> = serde_json::from_str(&answer.text).ok()?;
    let field = |row: &Json| {
        Some((
            row[table.number()].as_i64()?,
            row[table.value()].as_str()?.parse().ok()?,
        ))
    };
    body.iter().map(field).collect()
}

fn reply((key, step): &(Key, Step), status: StatusCode, found: &HashMap<i64, u64>) -> Reply {
    let found = found.get(&key.number).copied();
    match step {
        Step::Upsert(_) if status == StatusCode::OK => Reply::Changed,
        Step::Insert(_) | Step::Upsert(_) => Reply::Inserted,
        Step::Update(_) => found.map_or(Reply::Missed, |_| Reply::Changed),
        Step::Delete | Step::Read => Reply::Was(found),
    }
}
