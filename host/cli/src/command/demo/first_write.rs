use std::time::Instant;

use anyhow::{Context, Result};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;

use super::invitation::step;

/// Changes the bookings of the test phone, and prints how soon the other side had the change.
pub(super) async fn show(api: String, key: String) {
    match write(&api, &key).await {
        Ok(told) => step(&told),
        Err(error) => step(&format!("the demo's first write failed: {error:#}")),
    }
}

async fn write(api: &str, key: &str) -> Result<String> {
    let client = Client::builder().no_proxy().build()?;
    let began = Instant::now();
    let answer = client
        .patch(format!("{api}/rest/v1/bookings?client_phone=eq.89686484488"))
        .header("apikey", key)
        .header(CONTENT_TYPE, "application/json")
        .body(r#"{"comment":"written through Turnout"}"#)
        .send()
        .await?
        .error_for_status()?;
    let took = began.elapsed();
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let backend = header("x-turnout-backend").context("the answer has no x-turnout-backend header")?;
    let mirror = header("x-turnout-mirror").context("the answer has no x-turnout-mirror header")?;
    Ok(format!(
        "the bookings of the test phone were written to {backend}; the mirror is {mirror} after {} ms",
        took.as_millis()
    ))
}
