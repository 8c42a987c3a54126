//! Measures `GET` by phone: the host, and a bare axum handler that runs the same query on a pool with the same settings, without policies.
//! Each is a process of its own. The same clients ask both in turns, on the same machine.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

#[path = "lookup/bare.rs"]
mod bare;
#[path = "lookup/clients.rs"]
mod clients;

use std::time::Duration;

use anyhow::{Result, ensure};
use bare::Bare;
use turnout_tests::{Site, Spread};

/// How many rounds measure each side.
const ROUNDS: usize = 9;

/// How long one measurement takes.
const WINDOW: Duration = Duration::from_secs(2);

/// How many connections send requests at once.
const CONNECTIONS: usize = 32;

const PATH: &str = "/rest/v1/clients?phone=eq.89686484488";

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(url) = std::env::var(bare::DATABASE) {
        return bare::serve(&url).await;
    }
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let bare = Bare::start(site.new.url())?;
    let expected = host.get(PATH).await?;
    ensure!(
        expected.backend() == "new",
        "the test phone is answered by {}",
        expected.backend()
    );

    let mut rates = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let turnout = clients::ask(host.address(), PATH, CONNECTIONS, WINDOW, &expected.text).await?;
        let reference = clients::ask(bare.address(), PATH, CONNECTIONS, WINDOW, &expected.text).await?;
        // The first round only warms up.
        if round > 0 {
            rates.0.push(turnout);
            rates.1.push(reference);
        }
    }
    let ratio = Spread::of(rates.0.iter().zip(&rates.1).map(|(turnout, bare)| turnout / bare));
    println!("GET by phone, {CONNECTIONS} connections, {ROUNDS} rounds of {WINDOW:?} each, in turns");
    println!("turnout       {:.0} answers a second", Spread::of(rates.0));
    println!("bare handler  {:.0} answers a second", Spread::of(rates.1));
    println!("ratio         {ratio:.2}");
    Ok(())
}
