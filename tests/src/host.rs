use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, Site, eventually, turnout};

/// A running `turnout serve`. Dropping it kills the process.
pub struct Host {
    process: Child,
    address: String,
    client: Client,
    log: Arc<Mutex<String>>,
}

impl Host {
    /// Starts a host with a configuration and additional environment variables, and waits until it serves.
    ///
    /// # Errors
    /// If the host ends instead. The error holds its log.
    pub async fn start(config: &Path, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = turnout();
        command
            .arg("--config")
            .arg(config)
            .args(["serve", "--listen", "127.0.0.1:0"]);
        command.envs(environment.iter().copied()).stderr(Stdio::piped());
        let mut process = command.spawn().context("turnout does not start")?;
        let log = Arc::default();
        let stderr = process.stderr.take().context("turnout has no standard error")?;
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || keep(stderr, &log)
        });
        let mut host = Self {
            process,
            address: String::new(),
            client: Client::new(),
            log,
        };
        let address = eventually("the host serves or ends", async || {
            let log = host.log();
            let address = log
                .lines()
                .find(|line| line.contains("serving"))
                .and_then(address_in)
                .map(Ok);
            address.or_else(|| reader.is_finished().then(|| Err(host.log())))
        });
        match address.await {
            Ok(address) => host.address = address,
            Err(log) => bail!("turnout ended: {log}"),
        }
        Ok(host)
    }

    /// A request to a path of this host. The key is the administrator's for `/metrics` and `/v1/status`, and the application's for all
    /// other paths.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = match path {
            "/metrics" | "/v1/status" => Site::ADMIN_KEY,
            _ => Site::KEY,
        };
        self.bare(method, path).header("apikey", key)
    }

    /// A request to a path of this host, without a key.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        Ok(Answer::read(request.send().await?).await?)
    }

    /// Gets a path, with the key that [`request`](Self::request) chooses.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends rows to a path with the application's key, and asks for the written rows in the answer.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn write(&self, method: Method, path: &str, rows: &Value) -> Result<Answer> {
        self.send(
            self.request(method, path)
                .header("prefer", "return=representation")
                .json(rows),
        )
        .await
    }

    /// Waits until the host's status is as `wished`, and returns it.
    ///
    /// # Panics
    /// If the status does not come in time.
    pub async fn status_with(&self, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let status = self.get("/v1/status").await.ok()?.json();
            wished(&status).then_some(status)
        })
        .await
    }

    /// The address and port where the host serves.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The log of the host so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the process, for what only the operating system tells of it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends the process SIGHUP.
    ///
    /// # Errors
    /// If it has ended.
    pub fn hang_up(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), Signal::SIGHUP)?)
    }

    /// Asks the host to stop.
    ///
    /// # Errors
    /// If it has ended.
    pub fn ask_to_stop(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), Signal::SIGTERM)?)
    }

    /// Asks the host to stop, and waits until the process has ended.
    ///
    /// # Errors
    /// If the process ends with an error.
    pub async fn stop(mut self) -> Result<()> {
        self.ask_to_stop()?;
        let process = &mut self.process;
        let status = eventually("the host ends", async || process.try_wait().ok().flatten()).await;
        if status.success() {
            Ok(())
        } else {
            bail!("turnout ended with {status}: {}", self.log())
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value of the field `address` in a log line of either format.
fn address_in(line: &str) -> Option<String> {
    let after = line
        .split_once("address")
        .map(|(_, after)| after.trim_start_matches(['"', ':', '=']))?;
    Some(after.split(['"', ' ', ',']).next()?.to_owned())
}

fn keep(stderr: ChildStderr, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}
