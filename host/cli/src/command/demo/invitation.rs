use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use turnout_vocabulary::Backend;

use super::files::Files;
use crate::config::Config;

/// The addresses, files and keys of the running demo.
#[derive(Serialize)]
pub(crate) struct Invitation {
    /// The URL of the API.
    pub(crate) api: String,
    /// The URL of the database `old`.
    pub(crate) old: String,
    /// The URL of the database `new`.
    pub(crate) new: String,
    /// The directory of the policies, for the user to edit.
    pub(crate) policies: PathBuf,
    /// The configuration file. A second host can use it, too.
    pub(crate) config: PathBuf,
    /// The application's key.
    pub(crate) api_key: String,
    /// The administrator's key.
    pub(crate) admin_key: String,
}

impl Invitation {
    pub(crate) fn new(files: &Files, config: &Config) -> Self {
        let url = |backend: Backend| config.backends[backend].settings.url.clone();
        Self {
            api: format!("http://{}", config.listen),
            old: url(Backend::Old),
            new: url(Backend::New),
            policies: files.policies(),
            config: files.config(),
            api_key: files.api_key.clone(),
            admin_key: files.admin_key.clone(),
        }
    }

    /// Prints one line of JSON on standard output, for programs.
    pub(crate) fn print(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(self)?)?;
        Ok(out.flush()?)
    }

    /// Prints what to try on standard error, for people.
    pub(crate) fn show(&self) {
        let Self {
            api,
            api_key,
            policies,
            old,
            new,
            config,
            ..
        } = self;
        let settings = policies.join("routing.toml");
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("turnout"));
        say(&format!(
            r#"
Turnout serves at {api}. Try, in another terminal:

  # the test phone is answered by `new` (see x-turnout-backend) …
  curl -si '{api}/rest/v1/clients?phone=eq.89686484488&select=id,name,phone' -H 'apikey: {api_key}'

  # … and everybody else by `old`
  curl -si '{api}/rest/v1/clients?select=id,name,phone&order=id&limit=3' -H 'apikey: {api_key}'

  # a write goes to the same side as the read
  curl -si -X PATCH '{api}/rest/v1/clients?phone=eq.89686484488' -H 'apikey: {api_key}' \
    -H 'Content-Type: application/json' -H 'Prefer: return=representation' -d '{{"name":"Moved"}}'

  # … and reaches the other side, as does what is changed behind Turnout's back
  psql '{old}' -c "select name from clients where phone = '89686484488'"

  # the rows that tests left behind: what would go from both databases (a dry run)
  {program} --config {config} cleanup clients --where 'name=like.*[TEST_CLIENT]*'

Edit the policy while it runs; the next request follows it:

  {settings}

The databases: {old}
               {new}

Ctrl-C stops everything and leaves nothing behind."#,
            settings = settings.display(),
            program = program.display(),
            config = config.display(),
        ));
    }
}

/// Tells a person which step begins.
pub(crate) fn step(what: &str) {
    say(&format!("· {what}"));
}

fn say(text: &str) {
    // If standard error is closed, nobody reads.
    let _ = writeln!(std::io::stderr(), "{text}");
}
