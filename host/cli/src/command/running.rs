use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;

use crate::config::Config;

/// How long a host may take to answer. A failover takes long, because it first makes sure that the other side is dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of the host that runs with a configuration, with the administrator's key.
pub(super) struct Running {
    client: Client,
    url: String,
    key: String,
}

/// What a host refused to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Refused {
    message: String,
    /// Whether the same request is refused as long as things stand as they do.
    is_final: bool,
}

/// The exit status after an error: 1 if a host said no, 2 if that could not be told.
pub(super) fn exit_status(error: &anyhow::Error) -> ExitCode {
    let refused = error.downcast_ref::<Refused>();
    ExitCode::from(if refused.is_some_and(|refused| refused.is_final) {
        1
    } else {
        2
    })
}

/// The body of a host's error answer.
#[derive(Deserialize)]
struct Refusal {
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

impl Running {
    /// A client of the host of this configuration. It connects with the first request.
    pub(super) fn of(config: &Config) -> Result<Self> {
        Self::patient(config, PATIENCE)
    }

    /// The same for requests that may take so long.
    pub(super) fn patient(config: &Config, patience: Duration) -> Result<Self> {
        Ok(Self {
            // A proxy would see the administrator's key.
            client: Client::builder().no_proxy().timeout(patience).build()?,
            url: format!("http://{}", config.listen),
            key: config.keys.admin().to_owned(),
        })
    }

    /// The unparsed answer to `GET path`.
    pub(super) async fn get(&self, path: &str) -> Result<String> {
        self.send(path, self.client.request(Method::GET, self.at(path))).await
    }

    /// The unparsed answer to `POST path` with a body.
    pub(super) async fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<String> {
        self.send(path, self.client.request(Method::POST, self.at(path)).json(body))
            .await
    }

    /// The unparsed answer to `PUT path` with a body.
    pub(super) async fn put(&self, path: &str, body: &impl serde::Serialize) -> Result<String> {
        self.send(path, self.client.request(Method::PUT, self.at(path)).json(body))
            .await
    }

    /// A request to `GET path`, with the administrator's key.
    pub(super) fn request(&self, path: &str) -> RequestBuilder {
        let request = self.client.request(Method::GET, self.at(path));
        request.header("apikey", &self.key)
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
            .with_context(|| format!("no host answers at {url}; start it with this configuration"))?;
        let status = answer.status();
        let body = answer
            .text()
            .await
            .with_context(|| format!("the host at {url} broke off its answer; read the status before a retry"))?;
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_str(&body) {
            Ok(Refusal { message, details, hint }) if status.as_u16() != 401 => {
                let more: Vec<_> = details.into_iter().chain(hint).collect();
                let refused = Refused {
                    message: format!("the host refused: {message} {}", more.join(" ")),
                    is_final: status.is_client_error(),
                };
                Err(refused.into())
            }
            _ => bail!("the host at {url} answered {status}; name the configuration that it runs with by --config"),
        }
    }
}

/// Who runs this command, for the record.
pub(super) fn who() -> String {
    std::env::var("USER").unwrap_or_default()
}

/// Parses an answer.
pub(super) fn understood<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T> {
    serde_json::from_str(answer).context("the host's version is not this program's; use the host's turnout program")
}
