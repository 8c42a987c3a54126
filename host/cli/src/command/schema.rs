//! `turnout schema diff`: prints what both databases hold beside rows and hold otherwise.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use turnout_preflight::{Difference, Kind};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::Backend;

use crate::arguments::{Schema, SchemaAction, SchemaDiff};

pub(crate) fn run(path: &Path, arguments: &Schema) -> ExitCode {
    let SchemaAction::Diff(arguments) = &arguments.action;
    match diff(path, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            crate::log::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Prints the differences; whether there is none.
fn diff(path: &Path, arguments: &SchemaDiff) -> Result<bool> {
    let config = super::served::load_without_keys(path)?;
    let differences = super::runtime()?.block_on(async {
        let sides = super::preflight::open(&config, &config.repositories, &Supervisor::new())?;
        let catalogues = turnout_preflight::catalogues(&sides, &config.repositories).await?;
        anyhow::Ok(turnout_preflight::differences(&catalogues))
    })?;
    let mut out = std::io::stdout().lock();
    for difference in &differences {
        if arguments.sql {
            statements(difference, &mut out)?;
        } else {
            definitions(difference, &mut out)?;
        }
    }
    Ok(differences.is_empty())
}

/// Prints how each side has it, as `diff` does.
fn definitions(difference: &Difference, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{}", title(difference))?;
    for (mark, backend) in [('-', Backend::Old), ('+', Backend::New)] {
        for line in difference.definitions[backend].iter().flat_map(|text| text.lines()) {
            writeln!(out, "{mark} {line}")?;
        }
    }
    Ok(writeln!(out)?)
}

/// Prints the statements that make `new` like `old`.
fn statements(difference: &Difference, out: &mut impl Write) -> Result<()> {
    let statements = &difference.mends[Backend::New];
    writeln!(out, "-- {}", title(difference))?;
    let drops_rows = difference.definitions.old.is_none() && matches!(difference.kind, Kind::Table | Kind::Column);
    for statement in statements {
        if drops_rows {
            writeln!(out, "-- drops what rows hold: {statement}")?;
        } else {
            writeln!(out, "{statement}")?;
        }
    }
    if statements.is_empty() {
        writeln!(out, "-- stays: something else on the server of new may need it")?;
    }
    Ok(writeln!(out)?)
}

fn title(difference: &Difference) -> String {
    let (kind, object) = (difference.kind.in_words(), &difference.object);
    match &difference.table {
        Some(table) if table != object => format!("table {table}: {kind} {object}"),
        _ => format!("{kind} {object}"),
    }
}
