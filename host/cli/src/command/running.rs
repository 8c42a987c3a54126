use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;

use crate::config::Config;

/// How long a host may take to answer. A failover first makes sure that the other side is dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// The host that runs with a configuration, for its administrator.
pub(super) struct Running {
    client: Client,
    url: String,
    key: String,
}

/// How a host says why it refuses something.
#[derive(Deserialize)]
struct Refusal {
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

impl Running {
    /// The host of this configuration. Whether it runs shows when it is asked.
    pub(super) fn of(config: &Config) -> Result<Self> {
        Ok(Self {
            // No proxy may see the administrator's key.
            client: Client::builder().no_proxy().timeout(PATIENCE).build()?,
            url: format!("http://{}", config.listen),
            key: config.keys.admin().to_owned(),
        })
    }

    /// The answer to `GET path`, as it came.
    pub(super) async fn get(&self, path: &str) -> Result<String> {
        self.send(path, self.client.request(Method::GET, self.at(path))).await
    }

    /// The answer to `POST path` with a body, as it came.
    pub(super) async fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<String> {
        self.send(path, self.client.request(Method::POST, self.at(path)).json(body))
            .await
    }

    /// The answer to `PUT path` with a body, as it came.
    pub(super) async fn put(&self, path: &str, body: &impl serde::Serialize) -> Result<String> {
        self.send(path, self.client.request(Method::PUT, self.at(path)).json(body))
            .await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<String> {
        let url = self.at(path);
        let answer = request
            .header("apikey", &self.key)
            .send()
            .await
            .with_context(|| format!("no host answers at {url}; is it running with this configuration?"))?;
        let status = answer.status();
        let body = answer
            .text()
            .await
            .with_context(|| format!("the answer of {url} broke off"))?;
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_str(&body) {
            Ok(Refusal { message, details, hint }) if status.as_u16() != 401 => {
                let more: Vec<_> = details.into_iter().chain(hint).collect();
                bail!("the host refused: {message} {}", more.join(" "))
            }
            _ => bail!("the host at {url} answered {status}; does it run with this configuration?"),
        }
    }
}

/// What an answer says.
pub(super) fn understood<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T> {
    serde_json::from_str(answer).context("the host that answers is not a Turnout of this version")
}
