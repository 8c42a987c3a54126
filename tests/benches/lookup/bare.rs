use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

/// The statement that the host runs for such a lookup.
const LOOKUP: &str = "select coalesce(json_agg(_turnout_row), '[]')::text, count(*), null::int8, 0::int8, null::text[] \
                      from (select _turnout.* from \"public\".\"clients\" as _turnout where _turnout.\"phone\" = $1::text) \
                      as _turnout_row";

/// The same with the client's bookings.
const WITH_BOOKINGS: &str = "select coalesce(json_agg(_turnout_row), '[]')::text, count(*), null::int8, 0::int8, null::text[] \
                             from (select _turnout.*, coalesce((select json_agg(_bookings) from (select _embedded.* \
                             from \"public\".\"bookings\" as _embedded where _embedded.\"client_id\" = _turnout.\"id\") as _bookings), '[]') \
                             as bookings from \"public\".\"clients\" as _turnout where _turnout.\"phone\" = $1::text) as _turnout_row";

/// The environment variable that tells this program to serve lookups from the database it names instead of measuring.
pub(crate) const DATABASE: &str = "TURNOUT_BENCH_DATABASE";

/// The bare handler in a process of its own. Dropping it kills the process.
pub(crate) struct Bare {
    process: Child,
    address: String,
}

impl Bare {
    /// Starts this program again as the bare handler.
    pub(crate) fn start(url: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .env(DATABASE, url)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let stdout = process
            .stdout
            .take()
            .context("the bare handler has no standard output")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(Self {
            process,
            address: address.trim().to_owned(),
        })
    }

    /// The address and port where the handler serves.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves lookups by phone with the pool settings of the host, and prints the address.
pub(crate) async fn serve(url: &str) -> Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .test_before_acquire(false)
        .connect(url)
        .await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/rest/v1/clients", get(lookup)).with_state(pool);
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

async fn lookup(State(pool): State<PgPool>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let query = query.trim_start_matches("phone=eq.");
    let (phone, statement) = match query.split_once('&') {
        Some((phone, _)) => (phone, WITH_BOOKINGS),
        None => (query, LOOKUP),
    };
    match sqlx::query_scalar::<_, String>(statement)
        .bind(phone)
        .fetch_one(&pool)
        .await
    {
        Ok(rows) => ([(CONTENT_TYPE, "application/json; charset=utf-8")], rows).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
