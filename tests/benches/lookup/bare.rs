use anyhow::Result;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

/// The statement that the host writes for such a lookup.
const LOOKUP: &str = "select coalesce(json_agg(_turnout_row), '[]')::text, count(*), null::int8, 0::int8, null::text[] \
                      from (select _turnout.* from \"public\".\"clients\" as _turnout where _turnout.\"phone\" = $1::text) \
                      as _turnout_row";

#[derive(Deserialize)]
struct Lookup {
    phone: String,
}

/// Serves lookups by phone from a database, with the settings of the host's pool; returns the address.
pub async fn serve(url: &str) -> Result<String> {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .test_before_acquire(false)
        .connect(url)
        .await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let router = Router::new().route("/rest/v1/clients", get(lookup)).with_state(pool);
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn lookup(State(pool): State<PgPool>, Query(Lookup { phone }): Query<Lookup>) -> Response {
    let phone = phone.trim_start_matches("eq.");
    match sqlx::query_scalar::<_, String>(LOOKUP)
        .bind(phone)
        .fetch_one(&pool)
        .await
    {
        Ok(rows) => ([(CONTENT_TYPE, "application/json; charset=utf-8")], rows).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
