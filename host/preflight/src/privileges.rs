//! What the role that Turnout connects as may do on each side.

use turnout_backends::quoted;
use turnout_vocabulary::{Backend, PerBackend};

use crate::catalogue::{Catalogue, Settings, Table};
use crate::finding::{Finding, Severity};
use crate::judged::remedy;
use crate::settings::found;

/// The first version of PostgreSQL that grants a parameter.
const GRANTS_PARAMETERS: u32 = 150_000;

pub(crate) fn findings(catalogues: &PerBackend<Catalogue>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for side in Backend::ALL {
        let database = &catalogues[side].database;
        findings.extend(creation(side, database));
        findings.extend(silence(side, database));
        for table in &catalogues[side].tables {
            findings.extend(ownership(side, database, table));
            findings.extend(row_security(side, database, table));
            findings.extend(triggers(side, database, table));
        }
    }
    findings
}

fn creation(side: Backend, database: &Settings) -> Option<Finding> {
    let role = quoted(&database.role);
    let statement = format!("grant create on database {} to {role};", quoted(&database.name));
    (!database.creates_schemas).then(|| {
        found(
            Severity::Blocks,
            "create_schema",
            Some(side),
            format!("role {} may not create a schema", database.role),
            "`turnout install` makes the schema turnout; run the statement as the owner of the database",
            vec![remedy(side, &[statement])],
        )
    })
}

fn silence(side: Backend, database: &Settings) -> Option<Finding> {
    if database.silences_triggers {
        return None;
    }
    let remedies = if database.version >= GRANTS_PARAMETERS {
        let role = quoted(&database.role);
        vec![remedy(
            side,
            &[format!("grant set on parameter session_replication_role to {role};")],
        )]
    } else {
        Vec::new()
    };
    Some(found(
        Severity::Warns,
        "session_replication_role",
        Some(side),
        format!("role {} may not set session_replication_role", database.role),
        "the application's triggers and foreign keys see what the mirror writes; a superuser can grant it from PostgreSQL 15 on",
        remedies,
    ))
}

fn ownership(side: Backend, database: &Settings, table: &Table) -> Option<Finding> {
    let statement = format!("grant {} to {};", quoted(&table.owner), quoted(&database.role));
    (!table.owned).then(|| Finding {
        table: Some(table.shown()),
        ..found(
            Severity::Blocks,
            "ownership",
            Some(side),
            format!(
                "belongs to {} on {side}, and role {} is no member of that",
                table.owner, database.role
            ),
            "only the owner of a table can put the triggers on it that capture changes",
            vec![remedy(side, &[statement])],
        )
    })
}

fn row_security(side: Backend, database: &Settings, table: &Table) -> Option<Finding> {
    let binds = table.row_security && (!table.owned || table.forced_row_security);
    if !binds || database.bypasses_row_security {
        return None;
    }
    let mut remedies = vec![remedy(
        side,
        &[format!("alter role {} bypassrls;", quoted(&database.role))],
    )];
    if table.owned {
        let statement = format!("alter table {} no force row level security;", table.qualified());
        remedies.push(remedy(side, &[statement]));
    }
    Some(Finding {
        table: Some(table.shown()),
        ..found(
            Severity::Blocks,
            "bypassrls",
            Some(side),
            format!("row-level security binds role {} on {side}", database.role),
            "the mirror would take hidden rows for deleted ones, so PostgreSQL refuses its reads; `alter role` needs a superuser",
            remedies,
        )
    })
}

/// The application's triggers that fire when the mirror writes.
fn triggers(side: Backend, database: &Settings, table: &Table) -> Vec<Finding> {
    let fires = |enabled: &str| match enabled {
        "O" => !database.silences_triggers,
        "A" | "R" => true,
        _ => false,
    };
    let firing = table.triggers.iter().filter(|trigger| fires(&trigger.enabled));
    let findings = firing.map(|trigger| {
        let (name, on) = (quoted(&trigger.name), table.qualified());
        let how = if database.silences_triggers { "enable" } else { "disable" };
        Finding {
            table: Some(table.shown()),
            object: Some(trigger.name.clone()),
            ..found(
                Severity::Warns,
                "firing_trigger",
                Some(side),
                format!("trigger {} on {side} fires on what the mirror writes", trigger.name),
                "what it changes makes the mirrored row differ, and what it does is done twice; a trigger that is only enabled is silent \
                 where session_replication_role is granted, a disabled one is silent for the application, too",
                vec![remedy(side, &[format!("alter table {on} {how} trigger {name};")])],
            )
        }
    });
    findings.collect()
}
