//! The two ways to ship to the hosts: the directory and the API.

use anyhow::{Context, Result};
use reqwest::RequestBuilder;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::{AGAIN, SETTLING, Shipping, came, sha256};
use crate::Site;
use crate::torture::part::Part;

impl Shipping<'_> {
    /// Ships a file by the directory, and waits until all hosts are as `wished`. A change may be refused because a database is down; it is
    /// then made again.
    pub(super) async fn ship(&mut self, file: &str, content: &[u8], wished: impl Fn(&Json) -> bool) -> Result<String> {
        let began = Instant::now();
        while began.elapsed() < SETTLING {
            self.put(file, content)?;
            if self.settle(AGAIN, &wished).await {
                return Ok(came(true));
            }
        }
        Ok(came(false))
    }

    /// Replaces a file as an editor does: a new file is renamed over the old one.
    pub(super) fn put(&self, file: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let draft = self.directory.with_extension("draft");
        std::fs::write(&draft, content)
            .and_then(|()| std::fs::rename(&draft, self.directory.join(file)))
            .with_context(|| format!("{file} can't be written"))
    }

    /// The SHA-256 of a file in the directory.
    pub(super) fn kept(&self, file: &str) -> Option<String> {
        std::fs::read(self.directory.join(file)).ok().map(sha256)
    }

    /// Sends a module to the host of a place. Returns the epoch under which it came into force.
    pub(super) async fn push(&self, place: usize, part: Part, module: Vec<u8>) -> Result<u64, String> {
        let request = self.client.put(self.url(place, part.name()));
        self.ask(request.header("content-type", "application/wasm").body(module))
            .await
    }

    /// Sends a request for a change. Returns the epoch under which it came into force, or the refusal.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<u64, String> {
        let answer = request.header("apikey", Site::ADMIN_KEY).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let epoch = serde_json::from_str(&text)
            .ok()
            .and_then(|activated: Json| activated["epoch"].as_u64());
        epoch.ok_or(text)
    }

    pub(super) fn url(&self, place: usize, what: &str) -> String {
        let hosts = &self.world.hosts;
        format!("http://{}/v1/policies/{what}", hosts.address(place % hosts.count()))
    }
}
