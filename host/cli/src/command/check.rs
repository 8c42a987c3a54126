mod embedding;
mod subjects;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use turnout_backends::{Database, Error};
use turnout_handoff::SiteDescription;
use turnout_pipeline::Metrics;
use turnout_policies::Policies;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::PerBackend;

use crate::config::Config;

pub(crate) fn run(path: &Path) -> Result<()> {
    let config = super::served::load(path)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ok     configuration {}", path.display())?;
    for warning in readable_by_others(path).iter().chain(&config.warnings) {
        writeln!(out, "warn   {warning}")?;
    }
    let policies = super::policies(&config, &Metrics::new(&config.repositories).policies, None);
    let needs_mirror = policies.as_ref().is_ok_and(|policies| needs_mirror(&config, policies));
    let mut wrong = 0;
    super::runtime()?.block_on(async {
        let databases = super::open(&config, &Supervisor::new())?;
        for (backend, database) in databases.iter() {
            let name = format!("backend {backend} ({})", config.backends[backend].label);
            let Checked { problems, installed } = check(database, &config, needs_mirror).await.unwrap_or_else(|error| Checked {
                problems: vec![error.to_string()],
                installed: false,
            });
            for problem in &problems {
                writeln!(out, "wrong  {name}: {problem}")?;
            }
            let numbering = if installed {
                database.numbering(false).await.unwrap_or_default()
            } else {
                Vec::new()
            };
            for one in numbering {
                if let Some(obstacle) = one.obstacle {
                    let (sequence, table) = (one.sequence, one.table);
                    writeln!(
                        out,
                        "warn   {name}: sequence {sequence} of {table} can't be set apart when both sides can insert: {obstacle}"
                    )?;
                }
            }
            for warning in subjects::warnings(database, &config.repositories, &config.subjects).await {
                writeln!(out, "warn   {name}: {warning}")?;
            }
            if problems.is_empty() {
                let installation = if installed { "installed" } else { "not installed" };
                let repositories = config.repositories.len();
                writeln!(
                    out,
                    "ok     {name} with {repositories} repositories, Turnout is {installation}"
                )?;
            }
            wrong += problems.len();
        }
        if !config.exposed.is_empty() {
            for line in super::served::report(&*databases.old.schema().await?, &config) {
                writeln!(out, "{line}")?;
            }
        }
        // A side that can't be asked is named above.
        for difference in turnout_backends::schema_differences(&databases)
            .await
            .unwrap_or_default()
            .iter()
            .flatten()
        {
            if difference.is_harmless() {
                writeln!(out, "warn   {difference}")?;
            } else {
                writeln!(out, "wrong  {difference}")?;
                wrong += 1;
            }
        }
        if let Ok(policies) = &policies {
            let warnings = embedding::warnings(&databases, &config.repositories, &policies.in_force()).await;
            for warning in warnings.unwrap_or_default() {
                writeln!(out, "warn   {warning}")?;
            }
        }
        if let Some(reason) = other_site(&config, &databases).await {
            writeln!(out, "wrong  {reason}")?;
            wrong += 1;
        }
        anyhow::Ok(())
    })?;
    match policies {
        Ok(policies) => {
            for (world, version) in policies.in_force().versions.iter() {
                writeln!(
                    out,
                    "ok     policy {world}: {} {}, module {:.12}{}",
                    version.name,
                    version.version,
                    version.module,
                    if version.built_in { ", built in" } else { "" }
                )?;
            }
        }
        Err(error) => {
            writeln!(out, "wrong  {error:#}")?;
            wrong += 1;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("one check failed"),
        _ => bail!("{wrong} checks failed"),
    }
}

/// What is found of one backend.
struct Checked {
    problems: Vec<String>,
    installed: bool,
}

async fn check(database: &Database, config: &Config, needs_mirror: bool) -> Result<Checked, Error> {
    if let Some(pooler) = database.check_pooler().await? {
        return Ok(Checked {
            problems: vec![pooler],
            installed: false,
        });
    }
    let mut problems = database.check().await?;
    problems.extend(database.check_subjects(config.subjects.kind()).await?);
    let capture = database.check_capture().await?;
    let installed = capture.is_some();
    if !installed && needs_mirror {
        problems.push(format!(
            "the policies mirror repositories or write to new, and Turnout is not installed; run `turnout install {}`",
            database.backend()
        ));
    }
    // A repository that does not fit its table is captured as well as it can be.
    if problems.is_empty() {
        problems.extend(capture.unwrap_or_default());
    }
    Ok(Checked { problems, installed })
}

/// What the configuration describes otherwise than the record of the site.
async fn other_site(config: &Config, databases: &PerBackend<Database>) -> Option<String> {
    // Where the record can't be read, that is named above, or an earlier version made it.
    let recorded = turnout_handoff::recorded_site(databases).await.ok()??;
    let differences = recorded.differences(&SiteDescription::of(
        &config.repositories,
        &config.functions,
        &config.subjects,
    ));
    (!differences.is_empty()).then(|| {
        format!(
            "the configuration describes another site than the record ({}); correct it, or run `turnout apply`",
            differences.join("; ")
        )
    })
}

/// Why the file of the configuration should be closed to others: it holds keys and passwords.
fn readable_by_others(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!(
            "configuration {} can be read by others (mode {mode:04o}) and may hold keys and passwords; chmod 600 it",
            path.display()
        )
    })
}

/// Whether the policies need an installation. Where they fail to say, a host will find out.
fn needs_mirror(config: &Config, policies: &Policies) -> bool {
    let needs = policies.in_force().needs_mirror(&config.repositories);
    needs.unwrap_or_default()
}
