use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use turnout_tests::Site;

/// Requests a path on every connection, again and again, and returns the answers a second. An answer other than the expected one is an
/// error.
pub(crate) async fn ask(
    address: &str,
    path: &str,
    connections: usize,
    window: Duration,
    expected: &str,
) -> Result<f64> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\napikey: {}\r\n\r\n",
        Site::KEY
    );
    let began = Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            tokio::spawn(client(
                address.to_owned(),
                request.clone(),
                began + window,
                expected.to_owned(),
            ))
        })
        .collect();
    let mut answers = 0;
    for client in clients {
        answers += client.await??;
    }
    Ok(f64::from(answers) / began.elapsed().as_secs_f64())
}

/// One connection. It sends plain bytes, so that the client takes as little of the machine as possible.
async fn client(address: String, request: String, end: Instant, expected: String) -> Result<u32> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    let mut answers = 0;
    while Instant::now() < end {
        connection.write_all(request.as_bytes()).await?;
        buffer.clear();
        while !buffer.ends_with(expected.as_bytes()) {
            let read = connection.read_buf(&mut buffer).await?;
            ensure!(
                read > 0 && buffer.len() < 65_536,
                "an unexpected answer: {}",
                String::from_utf8_lossy(&buffer)
            );
        }
        let head = buffer.get(..12).context("an answer without a status")?;
        ensure!(
            head == b"HTTP/1.1 200",
            "an answer with {}",
            String::from_utf8_lossy(head)
        );
        answers += 1;
    }
    Ok(answers)
}
