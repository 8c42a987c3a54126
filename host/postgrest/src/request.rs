//! Turns HTTP requests into operations.

mod accept;
mod call;
mod chosen;
mod columns;
mod cursor;
mod embedded;
mod field;
mod filter;
mod key;
mod order;
mod preferences;
mod profile;
mod query;
mod rows;
mod select;
mod window;

use http::{HeaderMap, Method, header};
use turnout_vocabulary::{
    Conflict, Delete, Find, Insert, Repository, Request, Resolution, Returning, TransactionSettings, Update, Window,
};

pub(crate) use accept::{Accepted, Media};
pub use call::parse_call;
pub(crate) use preferences::{End, Handling, Missing, Preferences, Return};
pub use profile::profile;
pub use query::encode;

use crate::answer::AnswerForm;
use crate::error::Refusal;
use chosen::Chosen;
use query::Query;

/// What the configuration allows of the dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dialect {
    /// Whether values of many rows may be aggregated into one.
    pub aggregates: bool,
    /// Whether requests may be answered with PostgreSQL's plans for them.
    pub plans: bool,
}

/// A parsed request.
pub struct Call {
    /// What the host asks of the databases.
    pub request: Request,
    /// What it asks of the transaction.
    pub transaction: TransactionSettings,
    /// The form of the answer that the caller asked for.
    pub answer: AnswerForm,
}

/// Parses an HTTP request on one repository, which is of the schema that its [`profile`] names. `query` is what follows the `?` of the URL, still percent-encoded.
///
/// # Errors
/// A [`Refusal`] if the request is malformed, or asks for something that the dialect or Turnout does not support.
pub fn parse(
    dialect: Dialect,
    method: &Method,
    repository: &Repository,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Call, Refusal> {
    let read = matches!(*method, Method::GET | Method::HEAD);
    let profiled = headers.contains_key(profile::header(method));
    let mut preferences = Preferences::parse(headers)?;
    let Accepted { media, explain } = Accepted::negotiate(dialect, headers)?;
    let mut query = Query::parse(query)?;
    if *method == Method::PUT {
        // As in PostgREST it is what it is whatever these say.
        query = query.split(|name, _| name != "columns").0;
        (preferences.resolution, preferences.missing) = (None, None);
    }
    let Chosen { select, filter, order } = Chosen::parse(dialect, &query)?;
    let returning = Returning {
        rows: (preferences.returned == Some(Return::Representation)).then(|| select.clone()),
        location: *method == Method::POST && preferences.returned == Some(Return::HeadersOnly),
        single: media.is_single(),
        at_most: preferences.at_most().filter(|_| limits(method)),
        body: media.body(),
    };

    let mut window = Window::default();
    let request = match *method {
        Method::GET | Method::HEAD => {
            let range = (*method == Method::GET).then(|| headers.get(header::RANGE)).flatten();
            window = window::parse(&query, range)?;
            Request::Find(Find {
                view: None,
                select,
                filter,
                order,
                window,
                count: preferences.count,
                single: media.is_single(),
                body: media.body(),
            })
        }
        Method::POST => Request::Insert(Insert {
            rows: rows::parse(repository, &query, headers, body, &preferences)?,
            conflict: conflict(repository, &query, &preferences)?,
            keyed: None,
            returning,
        }),
        Method::PUT => {
            if window::is_given(&query) {
                return Err(Refusal::limited_put());
            }
            key::check(&repository.key, &filter)?;
            Request::Insert(Insert {
                rows: rows::parse(repository, &query, headers, body, &preferences)?,
                conflict: Some(Conflict {
                    columns: repository.key.clone(),
                    resolution: Resolution::Merge,
                }),
                keyed: Some(filter),
                returning,
            })
        }
        Method::PATCH => {
            window::refuse(&query)?;
            Request::Update(Update {
                change: rows::parse_one(repository, &query, headers, body, &preferences)?,
                filter,
                returning,
            })
        }
        Method::DELETE => {
            window::refuse(&query)?;
            Request::Delete(Delete { filter, returning })
        }
        _ => return Err(Refusal::unsupported_method(method)),
    };
    let transaction = preferences.transaction(explain.clone());
    let answer = AnswerForm {
        action: request.action(),
        put: *method == Method::PUT,
        head: *method == Method::HEAD,
        offset: window.offset,
        media,
        explain,
        preferences,
        profile: profiled.then(|| repository.schema.clone()),
        content_location: read.then(|| query.canonical()),
    };
    Ok(Call {
        request,
        transaction,
        answer,
    })
}

/// Whether `max-affected` limits what a request with this method writes.
fn limits(method: &Method) -> bool {
    matches!(*method, Method::PATCH | Method::DELETE)
}

/// What an upsert does about rows whose key is taken. `None` if neither the request nor the repository names a key to find a conflict by.
fn conflict(repository: &Repository, query: &Query, preferences: &Preferences) -> Result<Option<Conflict>, Refusal> {
    let columns = query
        .first("on_conflict")
        .map(|list| columns::parse("on_conflict", list))
        .transpose()?;
    let decidable = columns.is_some() || !repository.key.is_empty();
    Ok(preferences.resolution.filter(|_| decidable).map(|resolution| Conflict {
        columns: columns.unwrap_or_default(),
        resolution,
    }))
}

#[cfg(test)]
mod tests;
