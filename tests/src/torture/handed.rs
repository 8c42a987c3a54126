//! Rows that are handed from one subject to another, and so from one authority to another.
//!
//! Nobody else works on such a row, and every request names the state that it takes the row from. So a request in doubt can only take
//! effect while the row is still in that state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::bot::pause;
use super::call::whole;
use super::dice::Dice;
use super::ending::{Ending, send};
use super::rows::{Group, Key, Table};
use super::spec::{Step, Value};
use super::stages::LISTED;
use super::world::World;
use crate::Site;

/// How many handed rows a run has.
pub(crate) const ROWS: usize = 2;

/// The subjects among whom rows are handed. Most of the time some of them have another authority than the others.
const SUBJECTS: [&str; 5] = [LISTED[0], LISTED[1], "89990000011", "89990000012", "89990000013"];

/// The subject and the value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) phone: String,
    pub(crate) value: Value,
}

/// What the run knows of a row that was handed around.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    /// The row's business key.
    pub(crate) number: i64,
    /// The states that the row may be in: the last acknowledged state, and the states of requests in doubt since then. Empty if nobody
    /// knows whether the row was added at all.
    pub(crate) possible: Vec<State>,
    /// How many handovers were acknowledged.
    pub(crate) times: usize,
    /// The requests that handed the row over, in order.
    attempts: Vec<Attempt>,
}

/// A request that hands the row over.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "it is shown when something is wrong")]
struct Attempt {
    /// When the request was sent, counted from when the row was added.
    asked: Duration,
    answered: Duration,
    place: usize,
    from: State,
    to: State,
    ending: Ending,
}

/// Adds a row and hands it from subject to subject until the run is over.
pub(crate) async fn around(world: Arc<World>, row: usize, mut dice: Dice, over: Arc<AtomicBool>) -> Handed {
    let number = Group::beyond(row);
    let first = State {
        phone: LISTED[0].into(),
        value: world.recorder.value(),
    };
    let mut possible = Vec::new();
    while !over.load(Ordering::Relaxed) && possible.is_empty() {
        if add(&world, &mut dice, number, &first).await {
            possible.push(first.clone());
        } else {
            pause(&mut dice, true).await;
        }
    }
    let mut times = 0;
    let mut attempts = Vec::new();
    let began = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let Some(from) = possible.choose(&mut dice).cloned() else {
            break;
        };
        let subjects = SUBJECTS.into_iter().filter(|subject| *subject != from.phone);
        let to = State {
            phone: subjects.choose(&mut dice).unwrap_or(LISTED[0]).into(),
            value: world.recorder.value(),
        };
        let place = dice.random_range(0..world.hosts.count());
        let request = match dice.random_range(0..3) {
            0 => transaction(&world, place, number, &from, &to),
            1 => patch(&world, place, &unnamed(number, &from), &to),
            _ => patch(&world, place, &named(number, &from), &to),
        };
        let asked = began.elapsed();
        let ending = send(&world, &"handing a row over", request, |answer| {
            let body: Json = serde_json::from_str(&answer.text).ok()?;
            let rows = body.pointer("/results/0/rows").unwrap_or(&body).as_array()?;
            Some(if rows.is_empty() {
                Ending::Taken
            } else {
                Ending::Replies(Vec::new())
            })
        });
        let ending = ending.await;
        attempts.push(Attempt {
            asked,
            answered: began.elapsed(),
            place,
            from: from.clone(),
            to: to.clone(),
            ending: ending.clone(),
        });
        let mut refused = true;
        match ending {
            Ending::Replies(_) => {
                possible = vec![to];
                times += 1;
                refused = false;
            }
            Ending::InDoubt => possible.push(to),
            // With several possible states the row may have moved on: a request in doubt was done, or is still on its way.
            Ending::Taken if possible.len() == 1 => {
                world.surprised_by(format!("row {number} is not found as {from:?}, which was acknowledged"));
            }
            Ending::Taken | Ending::Refused => {}
        }
        pause(&mut dice, refused).await;
    }
    Handed {
        number,
        possible,
        times,
        attempts,
    }
}

/// Adds the row. Returns whether the row is there now.
async fn add(world: &World, dice: &mut Dice, number: i64, state: &State) -> bool {
    let key = Key {
        table: Table::Bookings,
        phone: state.phone.clone(),
        number,
    };
    let place = dice.random_range(0..world.hosts.count());
    let row = whole(&(key, Step::Insert(state.value)));
    let request = request(world, place, Method::POST, "/rest/v1/bookings").json(&row);
    let added = send(world, &"adding a row", request, |_| Some(Ending::Replies(Vec::new())));
    matches!(added.await, Ending::Replies(_) | Ending::Taken)
}

fn named(number: i64, from: &State) -> String {
    format!("client_phone=eq.{}&{}", from.phone, unnamed(number, from))
}

fn unnamed(number: i64, from: &State) -> String {
    format!("yclients_record_id=eq.{number}&comment=eq.{}", from.value)
}

fn patch(world: &World, place: usize, filter: &str, to: &State) -> RequestBuilder {
    request(
        world,
        place,
        Method::PATCH,
        &format!("/rest/v1/bookings?select=id&{filter}"),
    )
    .json(&change(to))
}

fn transaction(world: &World, place: usize, number: i64, from: &State, to: &State) -> RequestBuilder {
    let operation = json!({"action": "update", "repository": "bookings", "select": "id",
        "filter": named(number, from), "rows": change(to)});
    request(world, place, Method::POST, "/v1/transactions").json(&json!({"operations": [operation]}))
}

fn change(to: &State) -> Json {
    json!({"client_phone": to.phone, "comment": to.value.to_string()})
}

fn request(world: &World, place: usize, method: Method, path: &str) -> RequestBuilder {
    let url = format!("http://{}{path}", world.hosts.address(place));
    let request = world.client.request(method, url).header("apikey", Site::KEY);
    request.header("prefer", "return=representation")
}

/// What is wrong with such a row in the end. Each side must have the row in one of its possible states.
pub(crate) async fn astray(world: &World, handed: &Handed) -> anyhow::Result<Vec<String>> {
    let Handed {
        number,
        possible,
        attempts,
        ..
    } = handed;
    let mut wrong = Vec::new();
    for (backend, database) in world.databases.iter() {
        let query = "select client_phone, comment::int8 from bookings where yclients_record_id = $1";
        let found: Vec<(String, i64)> = sqlx::query_as(query).bind(number).fetch_all(database).await?;
        let found: Vec<_> = found
            .into_iter()
            .map(|(phone, value)| State {
                phone,
                value: value.cast_unsigned(),
            })
            .collect();
        if !possible.is_empty() && !matches!(&found[..], [state] if possible.contains(state)) {
            let concerned = |state| found.contains(state) || possible.contains(state);
            let attempts: Vec<_> = attempts
                .iter()
                .filter(|attempt| concerned(&attempt.from) || concerned(&attempt.to))
                .collect();
            wrong.push(format!(
                "row {number} was handed over to {possible:?}, and {backend} has {found:?}, after {attempts:#?}"
            ));
        }
    }
    Ok(wrong)
}
