//! Requests by chance: real ones, changed here and there. Whatever they ask, the answer is rows or an error of the caller.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, raw_sql};

use crate::{Host, Site};

/// Paths with query strings as applications write them.
const QUERIES: &str = include_str!("../fuzz/queries.txt");

/// What is put between: words of the dialect, names and values, characters with a meaning to a parser or to SQL.
const PIECES: &str = include_str!("../fuzz/pieces.txt");

/// A function that no request may call. If it was called, a name or a value got into a statement as code.
const TRAP: &str = "create sequence fuzz_touches;
    create function fuzz_touched() returns bigint language sql as $$ select nextval('fuzz_touches') $$";

/// Errors of a statement that no request may cause: it does not parse, or lacks a parameter.
const MISWRITTEN: [&str; 2] = ["42601", "42P02"];

/// Requests by chance.
pub struct Fuzz {
    chance: Xoshiro256PlusPlus,
    queries: Vec<&'static str>,
    pieces: Vec<&'static str>,
}

impl Fuzz {
    /// The same seed gives the same requests.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Xoshiro256PlusPlus::seed_from_u64(seed),
            queries: QUERIES.lines().collect(),
            pieces: PIECES.lines().collect(),
        }
    }

    /// Sends requests to a host of the site for that long; how many.
    ///
    /// # Errors
    /// The first request that is answered with an error of the host, of a statement that is miswritten, or without PostgREST's shape; or whatever
    /// got into a statement as code.
    pub async fn run(&mut self, site: &Site, host: &Host, duration: Duration) -> Result<u64> {
        let (old, new) = site.databases().await?;
        for side in [&old, &new] {
            raw_sql(TRAP).execute(side).await?;
        }
        let began = Instant::now();
        let mut sent = 0;
        while began.elapsed() < duration {
            let (method, path, rows) = self.request();
            answered_honestly(host, method, &path, &rows).await?;
            sent += 1;
        }
        for side in [&old, &new] {
            ensure!(
                !was_called(side).await?,
                "a request had the database call `fuzz_touched`"
            );
        }
        Ok(sent)
    }

    /// One request.
    pub fn request(&mut self) -> (Method, String, Value) {
        let path = format!("/rest/v1/{}", encoded(&self.query()));
        match self.chance.random_range(0..8) {
            0 => (Method::PATCH, path, json!({ "name": "x" })),
            1 => (Method::DELETE, path, Value::Null),
            2 => (Method::POST, path, json!({ "phone": "89991112233", "name": "x" })),
            _ => (Method::GET, path, Value::Null),
        }
    }

    fn query(&mut self) -> String {
        let mut text: Vec<char> = self.real().chars().collect();
        for _ in 0..self.chance.random_range(0..5) {
            // The name of the table stays: without it nothing else is looked at.
            let first = text.iter().position(|letter| *letter == '?').map_or(0, |at| at + 1);
            let at = self.chance.random_range(first..=text.len());
            let to = (at + self.chance.random_range(0..6)).min(text.len());
            let new = match self.chance.random_range(0..4) {
                0 => "",
                1 => {
                    let other = self.real();
                    other.split_once('?').map_or(other, |(_, query)| query)
                }
                _ => self.pieces.choose(&mut self.chance).copied().unwrap_or_default(),
            };
            text.splice(at..to, new.chars());
        }
        text.into_iter().collect()
    }

    fn real(&mut self) -> &'static str {
        self.queries.choose(&mut self.chance).copied().unwrap_or_default()
    }
}

async fn was_called(side: &PgPool) -> Result<bool> {
    let called = sqlx::query_scalar("select is_called from fuzz_touches").fetch_one(side);
    called.await.context("the sequence of the trap is gone")
}

/// What HTTP allows in a URL stays, all else is encoded.
fn encoded(text: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"?&=%+-._~!*'():,;/$@".contains(&byte);
    let letters = text.bytes().map(|byte| match byte {
        byte if stays(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    letters.collect()
}

/// Sends a request; its status.
///
/// # Errors
/// If the answer is an error of the host or of a miswritten statement, or an error without PostgREST's shape.
pub async fn answered_honestly(host: &Host, method: Method, path: &str, rows: &Value) -> Result<u16> {
    let request = host.request(method.clone(), path);
    let request = if rows.is_null() { request } else { request.json(rows) };
    let answer = host.send(request).await?;
    let status = answer.status.as_u16();
    let shown: String = path.chars().take(400).collect();
    ensure!(status < 500, "{method} {shown}: {status} {}", answer.text);
    if status >= 400 && method != Method::HEAD {
        let body: Value =
            serde_json::from_str(&answer.text).with_context(|| format!("{method} {shown}: {}", answer.text))?;
        let code = body["code"].as_str().unwrap_or_default();
        ensure!(!code.is_empty() && body["message"].is_string(), "{shown}: {body}");
        // PostgreSQL reads the names of types itself, and the queries of full-text search.
        let is_callers = ["::", "%3A%3A", "fts"].iter().any(|word| path.contains(word));
        ensure!(is_callers || !MISWRITTEN.contains(&code), "{method} {shown}: {body}");
    }
    Ok(status)
}
