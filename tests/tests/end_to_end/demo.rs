//! `turnout demo --json`: ready when it says so, and gone without a trace.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde::Deserialize;
use sqlx::PgPool;
use turnout_tests::{Answer, Host, eventually, turnout};

const TEST_PHONE: &str = "/rest/v1/clients?phone=eq.89686484488&select=id,name";

/// The line that the demo prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    api: String,
    old: String,
    new: String,
    policies: PathBuf,
    config: PathBuf,
    api_key: String,
    admin_key: String,
}

/// A running demo. Dropping it kills the process.
struct Demo {
    process: Child,
    out: BufReader<ChildStdout>,
    invitation: Invitation,
}

impl Demo {
    fn start() -> Result<Self> {
        let mut process = turnout()
            .args(["demo", "--json"])
            // The environment of a user's own deployment, which the demo must not touch.
            .envs([
                ("TURNOUT_OLD_URL", "postgres://nobody@127.0.0.1:1/none"),
                ("TURNOUT_API_KEY", "another"),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut out = BufReader::new(process.stdout.take().context("it has no standard output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let invitation = serde_json::from_str(&line).with_context(|| format!("its line is {line:?}"))?;
        Ok(Self {
            process,
            out,
            invitation,
        })
    }

    /// Sends a signal. Returns how the demo ended, and what else it printed.
    async fn end(&mut self, signal: Signal) -> Result<(ExitStatus, String)> {
        kill(Pid::from_raw(i32::try_from(self.process.id())?), signal)?;
        let status = eventually("the demo ends", async || self.process.try_wait().ok().flatten()).await;
        let mut rest = String::new();
        self.out.read_to_string(&mut rest)?;
        Ok((status, rest))
    }

    /// The folders of the demo's clusters.
    async fn clusters(&self) -> Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for url in [&self.invitation.old, &self.invitation.new] {
            let database = PgPool::connect(url).await?;
            let data: String = sqlx::query_scalar("show data_directory").fetch_one(&database).await?;
            database.close().await;
            let folder = Path::new(&data).parent().context("the data are in no folder")?;
            assert!(!processes_in(folder).is_empty(), "its server shows its folder");
            folders.push(folder.to_owned());
        }
        Ok(folders)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command lines of the processes that name this folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = processes.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    commands.filter(|command| command.contains(&*folder)).collect()
}

/// Waits until no process and no file of these clusters is left.
async fn gone(clusters: &[PathBuf]) {
    for folder in clusters {
        eventually("the cluster is gone", async || {
            (processes_in(folder).is_empty() && !folder.exists()).then_some(())
        })
        .await;
    }
}

async fn get(client: &reqwest::Client, url: &str, key: &str) -> Result<Answer> {
    let answer = client.get(url).header("apikey", key).send().await?;
    Ok(Answer {
        status: answer.status(),
        headers: answer.headers().clone(),
        text: answer.text().await?,
    })
}

#[tokio::test]
async fn the_demo_serves_two_hosts_and_leaves_nothing_behind() -> Result<()> {
    let mut demo = Demo::start()?;
    let Invitation {
        api,
        api_key,
        admin_key,
        policies,
        config,
        ..
    } = &demo.invitation;
    let client = reqwest::Client::new();
    let first = get(&client, &format!("{api}{TEST_PHONE}"), api_key).await?;
    assert_eq!((first.status.as_u16(), first.backend()), (200, "new"));
    let other = get(&client, &format!("{api}/rest/v1/clients?select=id&order=id"), api_key).await?;
    assert_eq!(
        (other.backend(), other.json().as_array().map(Vec::len)),
        ("old", Some(1302))
    );
    assert_eq!(get(&client, &format!("{api}/v1/status"), admin_key).await?.status, 200);
    assert_eq!(get(&client, &format!("{api}/v1/status"), "guess").await?.status, 401);
    for file in ["routing.toml", "dual-write.toml"] {
        assert!(policies.join(file).exists(), "{file}");
    }

    let second = Host::start(config, &[]).await?;
    let asked = second.bare(Method::GET, TEST_PHONE).header("apikey", api_key);
    let answer = second.send(asked).await?;
    assert_eq!(
        (answer.text, answer.headers["x-turnout-backend"].to_str()?),
        (first.text, "new")
    );
    second.stop().await?;

    let settings = policies.join("routing.toml");
    fs::write(
        &settings,
        fs::read_to_string(&settings)?.replace("stage = \"live\"", "stage = \"off\""),
    )?;
    eventually("the next request follows the edit", async || {
        let answer = get(&client, &format!("{api}{TEST_PHONE}"), api_key).await.ok()?;
        (answer.status == 200 && answer.backend() == "old").then_some(())
    })
    .await;

    let folder = config.parent().context("the file is in no folder")?.to_owned();
    for (path, mode) in [(config, 0o600), (&folder, 0o700)] {
        let found = std::fs::metadata(path)?.permissions().mode() & 0o777;
        assert_eq!(found, mode, "others may read {}", path.display());
    }
    let clusters = demo.clusters().await?;
    let (status, rest) = demo.end(Signal::SIGINT).await?;
    assert_eq!(
        (status.code(), rest.as_str()),
        (Some(0), ""),
        "one line on standard output and no more"
    );
    assert!(!folder.exists(), "{}", folder.display());
    for cluster in &clusters {
        assert!(!cluster.exists(), "{}", cluster.display());
    }
    gone(&clusters).await;
    Ok(())
}

#[tokio::test]
async fn its_servers_go_even_when_it_is_killed() -> Result<()> {
    let mut demo = Demo::start()?;
    let clusters = demo.clusters().await?;
    let (status, _) = demo.end(Signal::SIGKILL).await?;
    assert!(!status.success());
    gone(&clusters).await;
    // A killed process cannot remove its own folder. The folder holds no server.
    let folder = demo.invitation.config.parent().context("the file is in no folder")?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
