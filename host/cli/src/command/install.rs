//! `turnout install` and `turnout uninstall`: the SQL installation of both sides.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use turnout_backends::{Database, Error, Installation, NotInstalled};
use turnout_handoff::SiteDescription;
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::arguments::{Install, Uninstall};
use crate::config::{Config, Guard};

/// `turnout install`
pub(crate) fn install(config: &Path, arguments: &Install) -> Result<()> {
    let config = super::served::load(config)?;
    let backend = arguments.backend.into();
    let role = role(&config, backend)?;
    let installation = installation(&config, backend, &config.repositories, &role);
    let mut out = std::io::stdout().lock();
    if arguments.print_sql {
        return Ok(write!(out, "{}", installation.script())?);
    }
    super::runtime()?.block_on(async {
        let databases = super::open(&config, &Supervisor::new())?;
        refuse_other_site(&config, &databases).await?;
        let database = &databases[backend];
        let remarks = match database.installed_for().await? {
            Some(other) if other != backend => {
                ensure_copy(&databases, backend).await?;
                writeln!(
                    out,
                    "backend {backend} has a copy of the installation of {other}: a new installation takes the place of the copy"
                )?;
                database.install_over_copy(&installation, arguments.dry_run).await
            }
            _ => database.install(&installation, arguments.dry_run).await,
        };
        let remarks = remarks.map_err(|error| in_full(error, backend))?;
        tell(&mut out, backend, &remarks, arguments.dry_run, "installed")
    })
}

/// Refuses a configuration that describes the tables otherwise than the record. Running hosts rely on the tables being captured as
/// recorded.
async fn refuse_other_site(config: &Config, databases: &PerBackend<Database>) -> Result<()> {
    // If the record can't be read, either there is none yet or an earlier version made it.
    let Ok(Some(recorded)) = turnout_handoff::recorded_site(databases).await else {
        return Ok(());
    };
    let contradicted = recorded.contradicted(&SiteDescription::of(
        &config.repositories,
        &config.functions,
        &config.subjects,
    ));
    ensure!(
        contradicted.is_empty(),
        "this configuration describes {} otherwise than the site's record, and running hosts rely on the record: run `turnout apply`, \
         which installs the changes on both sides",
        contradicted.join(", ")
    );
    Ok(())
}

/// `turnout uninstall`
pub(crate) fn uninstall(config: &Path, arguments: &Uninstall) -> Result<()> {
    let config = super::served::load(config)?;
    let backend: Backend = arguments.backend.into();
    super::runtime()?.block_on(async {
        let databases = super::open(&config, &Supervisor::new())?;
        let mut out = std::io::stdout().lock();
        let database = &databases[backend];
        if !database.schema().await?.installed && database.installed_for().await?.is_none() {
            return Ok(writeln!(out, "backend {backend}: Turnout is not installed there")?);
        }
        let remarks = databases[backend]
            .uninstall(arguments.dry_run)
            .await
            .map_err(|error| in_full(error, backend))?;
        tell(
            &mut out,
            backend,
            &remarks,
            arguments.dry_run,
            "nothing of Turnout is left",
        )
    })
}

/// Makes sure that the other side's installation on this side is a copy. To renew an original would throw its state away.
async fn ensure_copy(databases: &PerBackend<Database>, backend: Backend) -> Result<()> {
    let (here, there) = (&databases[backend], &databases[backend.other()]);
    let other = there.backend();
    let unsure = || {
        format!(
            "backend {backend} has the installation of {other}, and nothing shows that it is a copy: let the url of {other} lead to the \
             database of {other}, or, if {backend} is a copy, run `turnout uninstall {backend}` and then `turnout install {backend}`"
        )
    };
    let original = there.installed_for().await.with_context(unsure)?;
    let is_another = here.identity().await? != there.identity().await.with_context(unsure)?;
    ensure!(original == Some(other) && is_another, unsure());
    Ok(())
}

/// Prints what was done or tried.
fn tell(out: &mut impl Write, backend: Backend, remarks: &[String], rehearsed: bool, done: &str) -> Result<()> {
    for remark in remarks {
        writeln!(out, "{remark}")?;
    }
    let what = if rehearsed {
        "nothing was changed: this was a rehearsal"
    } else {
        done
    };
    Ok(writeln!(out, "backend {backend}: {what}")?)
}

/// Adds PostgreSQL's own message to a failed installation. An installation touches no row, so the message holds none.
fn in_full(error: NotInstalled, backend: Backend) -> anyhow::Error {
    let message = match &error {
        NotInstalled::Backend(Error::Database(error)) => format!("backend {backend} is unchanged: {}", error.message),
        _ => format!("backend {backend} is unchanged"),
    };
    anyhow::Error::new(error).context(message)
}

/// Installs Turnout on both sides of the demo.
pub(super) async fn both(config: &Config) -> Result<()> {
    for (backend, database) in super::open(config, &Supervisor::new())?.iter() {
        let role = role(config, backend)?;
        database
            .install(&installation(config, backend, &config.repositories, &role), false)
            .await?;
    }
    Ok(())
}

pub(super) fn role(config: &Config, backend: Backend) -> Result<String> {
    let role = config.backends[backend].settings.role();
    role.with_context(|| format!("the url of backend {backend} names no role"))
}

pub(super) fn installation<'a>(
    config: &Config,
    backend: Backend,
    repositories: &'a [Repository],
    role: &'a str,
) -> Installation<'a> {
    Installation {
        backend,
        repositories,
        role,
        strict: config.backends[backend].guard == Guard::Strict,
    }
}
