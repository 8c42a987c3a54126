//! Measures `GET` by phone, alone and with the client's bookings embedded: the host, a bare axum handler that runs such a query on a pool with
//! the same settings, without policies, and Supabase's own light server on the same database. Each is a process of its own. The same clients
//! ask all of them in turns, on the same machine.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

#[path = "lookup/bare.rs"]
mod bare;
#[path = "lookup/clients.rs"]
mod clients;
#[path = "lookup/lite.rs"]
mod lite;

use std::time::Duration;

use anyhow::{Result, ensure};
use bare::Bare;
use lite::Lite;
use turnout_tests::{Site, Spread};

/// How many rounds measure each side.
const ROUNDS: usize = 9;

/// How long one measurement takes.
const WINDOW: Duration = Duration::from_secs(2);

/// How many connections send requests at once.
const CONNECTIONS: usize = 32;

/// What is asked, by name.
const CASES: [(&str, &str); 2] = [
    ("GET by phone", "/rest/v1/clients?phone=eq.89686484488"),
    (
        "GET by phone with bookings",
        "/rest/v1/clients?phone=eq.89686484488&select=*,bookings(*)",
    ),
];

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(url) = std::env::var(bare::DATABASE) {
        return bare::serve(&url).await;
    }
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let bare = Bare::start(site.new.url())?;
    let lite = Lite::start(site.new.url())?;
    println!("{CONNECTIONS} connections, {ROUNDS} rounds of {WINDOW:?} each, in turns");
    for (name, path) in CASES {
        let expected = host.get(path).await?;
        ensure!(
            expected.backend() == "new",
            "the test phone is answered by {}",
            expected.backend()
        );
        let of_lite = lite.answer(path).await?;
        let mut rates: [Vec<f64>; 3] = Default::default();
        for round in 0..=ROUNDS {
            let turnout = clients::ask(host.address(), path, CONNECTIONS, WINDOW, &expected.text).await?;
            let reference = clients::ask(bare.address(), path, CONNECTIONS, WINDOW, &expected.text).await?;
            let supabase = clients::ask(lite.address(), path, CONNECTIONS, WINDOW, &of_lite).await?;
            // The first round only warms up.
            if round > 0 {
                for (rates, rate) in rates.iter_mut().zip([turnout, reference, supabase]) {
                    rates.push(rate);
                }
            }
        }
        let [turnout, reference, supabase] = rates;
        let ratio = |others: &[f64]| Spread::of(turnout.iter().zip(others).map(|(turnout, other)| turnout / other));
        println!("{name}");
        println!(
            "  turnout         {:.0} answers a second",
            Spread::of(turnout.iter().copied())
        );
        println!(
            "  bare handler    {:.0} answers a second, ratio {:.2}",
            Spread::of(reference.iter().copied()),
            ratio(&reference)
        );
        println!(
            "  @supabase/lite  {:.0} answers a second, ratio {:.2}",
            Spread::of(supabase.iter().copied()),
            ratio(&supabase)
        );
    }
    Ok(())
}
