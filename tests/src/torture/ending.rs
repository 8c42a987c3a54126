//! How a request ended, by its answer.

use std::fmt::Debug;

use reqwest::RequestBuilder;
use serde::Deserialize;

use super::history::{Outcome, Recorder};
use super::rows::Key;
use super::spec::{Reply, Step};
use super::world::World;
use crate::Answer;

/// How a request ended.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// The request was done. There is a reply for each row.
    Replies(Vec<Reply>),
    /// Nothing was done, because a row that was to be added was there.
    Taken,
    /// Nobody knows whether the request was done, or which part of it.
    InDoubt,
    /// Nothing was done.
    Refused,
}

impl Ending {
    /// The outcome for each of these rows.
    pub(crate) fn outcomes(self, recorder: &Recorder, rows: &[(Key, Step)]) -> Vec<Outcome> {
        let replies = match self {
            Self::Replies(replies) => replies,
            Self::Taken if matches!(rows, [(_, Step::Insert(_))]) => vec![Reply::Taken],
            Self::InDoubt => return vec![Outcome::InDoubt; rows.len()],
            // The answer does not say which of several rows was there. An upsert is refused like this too if another one adds the row at
            // the same time: PostgreSQL waits for the one unique constraint that `on_conflict` names, and then finds the other one
            // violated.
            Self::Taken | Self::Refused => return vec![Outcome::Refused; rows.len()],
        };
        let done = |reply| Outcome::Done(recorder.now(), reply);
        replies.into_iter().map(done).collect()
    }
}

/// Sends a request. `read` judges an answer that is not a refusal, and returns `None` for an answer that no fault excuses.
pub(crate) async fn send(
    world: &World,
    what: &impl Debug,
    request: RequestBuilder,
    read: impl FnOnce(&Answer) -> Option<Ending>,
) -> Ending {
    let answer = match request.send().await {
        Ok(response) => Answer::read(response).await,
        // The connection failed, so nothing was sent.
        Err(error) if error.is_connect() => return Ending::Refused,
        Err(error) => Err(error),
    };
    let Ok(answer) = answer else {
        return Ending::InDoubt;
    };
    let ending = if answer.status.is_success() {
        read(&answer)
    } else {
        refusal(&answer)
    };
    ending.unwrap_or_else(|| {
        world.surprised_by(format!("{what:?} answered by {}: {}", answer.status, answer.text));
        Ending::InDoubt
    })
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

/// The ending that a refusal means; `None` if no fault excuses the refusal.
fn refusal(answer: &Answer) -> Option<Ending> {
    let Refusal { code, message } = serde_json::from_str(&answer.text).ok()?;
    Some(match (answer.status.as_u16(), code.as_str()) {
        // The answer does not say which rows are in the part that is done.
        (409 | 500 | 503, "TURNOUT_PARTIAL") | (504, _) => Ending::InDoubt,
        (409, "23505") => Ending::Taken,
        (503, _) if message.contains("may have been") => Ending::InDoubt,
        (409, "TURNOUT_AUTHORITY") | (503, _) => Ending::Refused,
        // The database was shut down, or rolled the transaction back.
        (500, sqlstate) if ["40", "57"].iter().any(|class| sqlstate.starts_with(class)) => Ending::InDoubt,
        _ => return None,
    })
}
