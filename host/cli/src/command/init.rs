//! `turnout init`: looks at the database that the application leaves, and writes a configuration for it.

mod found;
mod written;

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use turnout_backends::{Database, Settings};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::Backend;

use crate::arguments::Init;
use crate::config::Config;
use found::Found;

/// The settings of the routing policy to begin with.
const ROUTING: &str = include_str!("init/routing.toml");

pub(crate) fn run(path: &Path, arguments: &Init) -> Result<()> {
    ensure!(
        !path.exists(),
        "{} is there already; name another file by --config, or move it away",
        path.display()
    );
    super::runtime()?.block_on(async {
        let supervisor = Supervisor::new();
        let schemas = if arguments.schema.is_empty() {
            vec!["public".to_owned()]
        } else {
            arguments.schema.clone()
        };
        let open = |backend, url: &str, repositories| {
            let settings = Settings {
                exposed_schemas: schemas.clone(),
                ..Settings::new(url)
            };
            Ok(Database::open(backend, settings, repositories, &supervisor)?)
        };
        let open_old = |repositories| open(Backend::Old, &arguments.old, repositories);
        let found = Found::in_database(open_old)
            .await
            .context("the database `old` can't be read")?;
        ensure!(
            !found.tables.is_empty(),
            "schema {} of the database `old` has no table with a key: name others by --schema",
            schemas.join(", ")
        );
        let text = written::configuration(arguments, &found);
        write(path, &text)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("")).join("policies");
        let routing = folder.join("routing.toml");
        if !routing.exists() {
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            std::fs::write(&routing, ROUTING).with_context(|| format!("cannot write {}", routing.display()))?;
        }
        // What was written must be what a host reads.
        let config = Config::load_with(path, &|_| None)?;
        let is_there = open(Backend::New, &arguments.new, Arc::new([]))?.schema().await.is_ok();
        tell(path, &config, &found, is_there, &mut io::stdout().lock())
    })
}

/// Writes the configuration, which holds keys and passwords.
fn write(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

fn tell(path: &Path, config: &Config, found: &Found, is_new_there: bool, out: &mut impl Write) -> Result<()> {
    let with_subject = config
        .repositories
        .iter()
        .filter(|repository| repository.subject.is_some())
        .count();
    writeln!(
        out,
        "{}: {} repositories, {with_subject} of them with a subject ({})",
        path.display(),
        config.repositories.len(),
        config.subjects.kind()
    )?;
    for (table, why) in &found.left_out {
        writeln!(out, "  {table} is left out: {why}")?;
    }
    if !is_new_there {
        writeln!(
            out,
            "  the database `new` can't be reached yet; nothing needs it while every stage is `off`"
        )?;
    }
    let config = path.display();
    writeln!(
        out,
        "\nRead the file: what could not be decided stands there as comments. Then:\n\
         \n  turnout --config {config} check      # the configuration, both databases, the policies\
         \n  turnout --config {config} serve      # answers at once, everything from `old`\
         \n  turnout --config {config} preflight  # what would break the migration, with the SQL that mends it"
    )?;
    Ok(())
}
