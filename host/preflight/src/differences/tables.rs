use turnout_backends::quoted;
use turnout_vocabulary::{Backend, PerBackend};

use super::{Found, columns, constraints};
use crate::catalogue::{Catalogue, Table, Trigger};
use crate::difference::{Difference, Kind};

/// Compares a table.
pub(super) fn compare(found: &mut Found, sides: &PerBackend<Option<&Table>>, catalogues: &PerBackend<Catalogue>) {
    match (sides.old, sides.new) {
        (Some(old), Some(new)) => {
            let both = PerBackend { old, new };
            columns::compare(found, &both);
            constraints::compare(found, &both);
            triggers(found, &both);
            row_security(found, &both);
            policies(found, &both);
            grants(found, &both, catalogues);
        }
        (Some(old), None) => missing(found, old, Backend::Old),
        (None, Some(new)) => missing(found, new, Backend::New),
        (None, None) => {}
    }
}

/// A table that only one side has, made with all that does not need other tables.
fn missing(found: &mut Found, table: &Table, has: Backend) {
    let bare = Table {
        constraints: Vec::new(),
        indexes: Vec::new(),
        triggers: Vec::new(),
        policies: Vec::new(),
        grants: Vec::new(),
        row_security: false,
        forced_row_security: false,
        ..table.clone()
    };
    let mut rest = Found::default();
    let both = PerBackend::from_fn(|side| if side == has { table } else { &bare });
    constraints::compare(&mut rest, &both);
    triggers(&mut rest, &both);
    row_security(&mut rest, &both);
    policies(&mut rest, &both);
    let mut make = columns::create(table);
    // References and triggers may need what comes later.
    let (with_it, later): (Vec<_>, Vec<_>) = rest
        .0
        .into_iter()
        .partition(|difference| !matches!(difference.kind, Kind::ForeignKey | Kind::Trigger));
    make.extend(
        with_it
            .into_iter()
            .flat_map(|difference| difference.mends[has.other()].clone()),
    );
    let qualified = table.qualified();
    let definition = format!("{} columns", table.columns.len());
    let drop = vec![format!("drop table {qualified};")];
    found.add(Difference::new(Kind::Table, Some(table), table.shown()).only(has, definition, make, drop));
    for mut difference in later {
        // Whoever drops the table drops these with it.
        difference.mends[has] = Vec::new();
        difference.rule = None;
        found.add(difference);
    }
}

fn triggers(found: &mut Found, sides: &PerBackend<&Table>) {
    for has in Backend::ALL {
        let (table, other) = (sides[has], sides[has.other()]);
        for trigger in &table.triggers {
            let twin = other.triggers.iter().find(|twin| twin.name == trigger.name);
            let drop = |trigger: &Trigger, of: &Table| {
                format!(
                    "drop trigger if exists {} on {};",
                    quoted(&trigger.name),
                    of.qualified()
                )
            };
            let make = |trigger: &Trigger, of: &Table| {
                let mut make = vec![drop(trigger, of), format!("{};", trigger.definition)];
                let how = match trigger.enabled.as_str() {
                    "A" => "enable always",
                    "R" => "enable replica",
                    "D" => "disable",
                    _ => return make,
                };
                let (table, name) = (of.qualified(), quoted(&trigger.name));
                make.push(format!("alter table {table} {how} trigger {name};"));
                make
            };
            let shown = |trigger: &Trigger| {
                let disabled = if trigger.enabled == "D" { " (disabled)" } else { "" };
                format!("{}{disabled}", trigger.definition)
            };
            let difference = Difference::new(Kind::Trigger, Some(table), &trigger.name);
            match twin {
                None => {
                    let dropped = vec![drop(trigger, table)];
                    found.add(difference.only(has, shown(trigger), make(trigger, other), dropped));
                }
                Some(twin)
                    if has == Backend::Old
                        && (twin.definition != trigger.definition || twin.enabled != trigger.enabled) =>
                {
                    found.add(
                        difference
                            .of(PerBackend {
                                old: Some(shown(trigger)),
                                new: Some(shown(twin)),
                            })
                            .mended(PerBackend {
                                old: make(twin, table),
                                new: make(trigger, other),
                            }),
                    );
                }
                Some(_) => {}
            }
        }
    }
}

fn row_security(found: &mut Found, sides: &PerBackend<&Table>) {
    let said = sides
        .as_ref()
        .map(|table| match (table.row_security, table.forced_row_security) {
            (false, false) => "off",
            (true, false) => "on",
            (false, true) => "off, forced",
            (true, true) => "on, forced",
        });
    if said.old == said.new {
        return;
    }
    let mends = PerBackend::from_fn(|side: Backend| {
        let (table, other) = (sides[side], sides[side.other()]);
        let name = table.qualified();
        let mut mends = Vec::new();
        if table.row_security != other.row_security {
            let how = if other.row_security { "enable" } else { "disable" };
            mends.push(format!("alter table {name} {how} row level security;"));
        }
        if table.forced_row_security != other.forced_row_security {
            let how = if other.forced_row_security { "force" } else { "no force" };
            mends.push(format!("alter table {name} {how} row level security;"));
        }
        mends
    });
    let definitions = PerBackend {
        old: Some(said.old.to_owned()),
        new: Some(said.new.to_owned()),
    };
    let difference = Difference::new(Kind::RowSecurity, Some(sides.old), sides.old.shown());
    found.add(difference.of(definitions).mended(mends));
}

fn policies(found: &mut Found, sides: &PerBackend<&Table>) {
    for has in Backend::ALL {
        let (table, other) = (sides[has], sides[has.other()]);
        for policy in &table.policies {
            let drop = |of: &Table| format!("drop policy if exists {} on {};", quoted(&policy.name), of.qualified());
            let difference = Difference::new(Kind::Policy, Some(table), &policy.name);
            match other.policies.iter().find(|twin| twin.name == policy.name) {
                None => {
                    let make = vec![format!("{};", policy.definition)];
                    found.add(difference.only(has, &policy.definition, make, vec![drop(table)]));
                }
                Some(twin) if has == Backend::Old && twin.definition != policy.definition => found.add(
                    difference
                        .of(PerBackend {
                            old: Some(policy.definition.clone()),
                            new: Some(twin.definition.clone()),
                        })
                        .mended(PerBackend {
                            old: vec![drop(table), format!("{};", twin.definition)],
                            new: vec![drop(other), format!("{};", policy.definition)],
                        }),
                ),
                Some(_) => {}
            }
        }
    }
}

fn grants(found: &mut Found, sides: &PerBackend<&Table>, catalogues: &PerBackend<Catalogue>) {
    for has in Backend::ALL {
        let (table, other) = (sides[has], sides[has.other()]);
        let mut roles: Vec<&str> = table.grants.iter().map(|grant| grant.role.as_str()).collect();
        roles.dedup();
        for role in roles {
            // The owner needs no privilege, and Turnout's own role has what it needs by its installation.
            if role == other.owner || catalogues[has].database.role == role {
                continue;
            }
            let lacks = |privilege: &&str| {
                let of_other = other.grants.iter();
                !of_other
                    .filter(|grant| grant.role == role)
                    .any(|grant| grant.privilege == *privilege)
            };
            let of_role = table.grants.iter().filter(|grant| grant.role == role);
            let privileges: Vec<&str> = of_role.map(|grant| grant.privilege.as_str()).filter(lacks).collect();
            if privileges.is_empty() {
                continue;
            }
            let privileges = privileges.join(", ");
            let quoted_role = if role == "public" {
                "public".to_owned()
            } else {
                quoted(role)
            };
            let make = vec![format!("grant {privileges} on {} to {quoted_role};", other.qualified())];
            let drop = vec![format!(
                "revoke {privileges} on {} from {quoted_role};",
                table.qualified()
            )];
            found.add(Difference::new(Kind::Grant, Some(table), role).only(has, privileges, make, drop));
        }
    }
}
