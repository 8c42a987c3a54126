use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use turnout_tests::{Site, supabase_lite};

/// Serves a database, and prints the address.
const SERVE: &str = include_str!("../../supabase_lite/serve.mjs");

/// Supabase's own light server in a process of its own. Dropping it kills the process.
pub(crate) struct Lite {
    process: Child,
    address: String,
}

impl Lite {
    /// Starts the server on a database.
    pub(crate) fn start(url: &str) -> Result<Self> {
        let mut process = Command::new("node")
            .args(["--input-type=module", "--eval", SERVE, url])
            .env("DO_NOT_TRACK", "1")
            .current_dir(supabase_lite())
            .stdout(Stdio::piped())
            .spawn()
            .context("node does not start")?;
        let mut address = String::new();
        let stdout = process.stdout.take().context("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(Self {
            process,
            address: address.trim().to_owned(),
        })
    }

    /// The address and port where the server serves.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The body of its answer to a path, whose values have other texts than PostgREST's.
    pub(crate) async fn answer(&self, path: &str) -> Result<String> {
        let url = format!("http://{}{path}", self.address);
        let answer = reqwest::Client::new()
            .get(url)
            .header("apikey", Site::KEY)
            .send()
            .await?;
        ensure!(answer.status().is_success(), "the server answers {}", answer.status());
        Ok(answer.text().await?)
    }
}

impl Drop for Lite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
