//! The database addresses that tests may use: those of servers and proxies that this process started.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use sqlx::postgres::PgConnectOptions;

static PORTS: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// Notes that this process started what listens at this port of the loopback interface.
pub(crate) fn note(port: u16) {
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    ports.get_or_insert_default().insert(port);
}

/// Notes the server at a URL.
pub(crate) fn note_url(url: &str) -> Result<()> {
    let options: PgConnectOptions = url.parse()?;
    note(options.get_port());
    Ok(())
}

/// Goes on only if a database URL leads to what this process started, so that no test ever touches a database of people.
pub(crate) fn check(url: &str) -> Result<()> {
    if !url.starts_with("postgres") {
        // No database can be reached by it.
        return Ok(());
    }
    let options: PgConnectOptions = url.parse().context("a database URL of a test can't be read")?;
    let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_own = ports.as_ref().is_some_and(|ports| ports.contains(&options.get_port()));
    ensure!(
        options.get_host() == "127.0.0.1" && is_own,
        "{}:{} is no server that this test started, so the test may not use it",
        options.get_host(),
        options.get_port()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_others_are_refused() {
        note(5433);
        assert!(check("postgres://u@127.0.0.1:5433/a").is_ok());
        for url in [
            "postgres://u@127.0.0.1:5432/a",
            "postgres://u@db.example.supabase.co:5433/a",
            "postgresql://u@10.0.0.1:5433/a",
            "postgres:///a?host=/var/run/postgresql",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }
}
