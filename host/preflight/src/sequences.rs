//! The sequences that number columns.

use turnout_backends::{Database, Error, quoted, quoted_text};
use turnout_vocabulary::Backend;

use crate::catalogue::{Catalogue, Column, Sequence, Table};
use crate::differences::pass;
use crate::finding::{Finding, Remedy, Severity};
use crate::judged::remedy;
use crate::settings::found;

/// The sequences of a side that go without their columns, or whose next numbers rows have already.
pub(crate) async fn findings(database: &Database, catalogue: &Catalogue) -> Result<Vec<Finding>, Error> {
    let side = database.backend();
    let mut findings = Vec::new();
    for table in &catalogue.tables {
        for column in &table.columns {
            let Some(sequence) = &column.sequence else { continue };
            if !sequence.owned {
                findings.push(not_owned(side, table, column, sequence));
            }
            if sequence.increment < 0 || !column.is_number {
                continue;
            }
            if !sequence.usable {
                findings.push(unusable(side, catalogue, table, column, sequence));
                continue;
            }
            let (name, qualified) = (quoted(&column.name), table.qualified());
            let find = format!(
                "select max({name}) from {qualified} having max({name}) > \
                 (select case when is_called then last_value else last_value - 1 end from {})",
                sequence.name
            );
            if database.found_by(&find).await?.rows > 0 {
                findings.push(behind(side, table, column, sequence));
            }
        }
    }
    Ok(findings)
}

fn not_owned(side: Backend, table: &Table, column: &Column, sequence: &Sequence) -> Finding {
    let (of, name) = (table.qualified(), quoted(&column.name));
    let statement = format!("alter sequence {} owned by {of}.{name};", sequence.name);
    finding(
        table,
        column,
        side,
        ("sequence_owner", Severity::Warns),
        format!(
            "sequence {} numbers column {} on {side} and does not belong to it",
            sequence.name, column.name
        ),
        "privileges, dumps and a drop of the column leave it out",
        remedy(side, &[statement]),
    )
}

fn behind(side: Backend, table: &Table, column: &Column, sequence: &Sequence) -> Finding {
    finding(
        table,
        column,
        side,
        ("sequence", Severity::Warns),
        format!(
            "sequence {} is behind the numbers that rows have in column {} on {side}",
            sequence.name, column.name
        ),
        "inserts are refused until it has passed them; a handoff sets it past them, too, where Turnout may change it",
        remedy(side, &[pass(table, column, &quoted_text(&sequence.name))]),
    )
}

fn unusable(side: Backend, catalogue: &Catalogue, table: &Table, column: &Column, sequence: &Sequence) -> Finding {
    let role = &catalogue.database.role;
    let statement = format!("grant all on sequence {} to {};", sequence.name, quoted(role));
    finding(
        table,
        column,
        side,
        ("sequence_privilege", Severity::Blocks),
        format!("role {role} may not use sequence {} on {side}", sequence.name),
        "inserts that leave the number out are refused",
        remedy(side, &[statement]),
    )
}

fn finding(
    table: &Table,
    column: &Column,
    side: Backend,
    (kind, severity): (&'static str, Severity),
    what: String,
    why: &'static str,
    remedy: Remedy,
) -> Finding {
    Finding {
        table: Some(table.shown()),
        object: Some(column.name.clone()),
        ..found(severity, kind, Some(side), what, why, vec![remedy])
    }
}
