use std::collections::BTreeSet;

use turnout_backends::{quoted, quoted_text};
use turnout_vocabulary::{Backend, PerBackend};

use super::Found;
use crate::catalogue::{Catalogue, Function};
use crate::difference::{Difference, Kind};

/// Compares what belongs to no table.
pub(super) fn compare(found: &mut Found, sides: &PerBackend<Catalogue>) {
    for has in Backend::ALL {
        roles(found, sides, has);
        extensions(found, sides, has);
        functions(found, sides, has);
        views(found, sides, has);
    }
}

/// The roles that tables of a side name and the other side lacks.
fn roles(found: &mut Found, sides: &PerBackend<Catalogue>, has: Backend) {
    let tables = &sides[has].tables;
    let named = tables.iter().flat_map(|table| {
        let granted = table.grants.iter().map(|grant| &grant.role);
        granted.chain(table.policies.iter().flat_map(|policy| &policy.roles))
    });
    let named: BTreeSet<&String> = named.collect();
    for role in named {
        if role == "public" || role.starts_with("pg_") || sides[has.other()].roles.contains(role) {
            continue;
        }
        let make = vec![format!("create role {} nologin;", quoted(role))];
        let difference = Difference::new(Kind::Role, None, role);
        // Others of the server may need it.
        found.add(difference.only(has, "named by privileges or policies of tables", make, Vec::new()));
    }
}

fn extensions(found: &mut Found, sides: &PerBackend<Catalogue>, has: Backend) {
    for one in &sides[has].extensions {
        let difference = Difference::new(Kind::Extension, None, &one.name);
        let name = quoted(&one.name);
        match sides[has.other()].extensions.iter().find(|twin| twin.name == one.name) {
            None => {
                let schema = quoted(&one.schema);
                let mut make = Vec::new();
                if one.schema != "pg_catalog" {
                    make.push(format!("create schema if not exists {schema};"));
                }
                make.push(format!("create extension if not exists {name} with schema {schema};"));
                let used = if one.used { ", which the tables need" } else { "" };
                let definition = format!("version {}{used}", one.version);
                found.add(difference.only(has, definition, make, vec![format!("drop extension {name};")]));
            }
            Some(twin) if has == Backend::Old && twin.version != one.version => {
                let update =
                    |version: &str| vec![format!("alter extension {name} update to {};", quoted_text(version))];
                found.add(
                    difference
                        .of(PerBackend {
                            old: Some(format!("version {}", one.version)),
                            new: Some(format!("version {}", twin.version)),
                        })
                        .mended(PerBackend {
                            old: update(&twin.version),
                            new: update(&one.version),
                        }),
                );
            }
            Some(_) => {}
        }
    }
}

fn functions(found: &mut Found, sides: &PerBackend<Catalogue>, has: Backend) {
    for one in &sides[has].functions {
        let drop = |function: &Function| {
            let kind = if function.procedure { "procedure" } else { "function" };
            format!("drop {kind} if exists {};", function.name)
        };
        let make = |function: &Function| format!("{};", function.definition);
        let difference = Difference::new(Kind::Function, None, &one.name);
        match sides[has.other()].functions.iter().find(|twin| twin.name == one.name) {
            None => found.add(difference.only(has, first_line(&one.definition), vec![make(one)], vec![drop(one)])),
            Some(twin) if has == Backend::Old && twin.definition != one.definition => {
                let replaced = |by: &Function, of: &Function| {
                    // What a function returns can't be replaced.
                    let is_kept = returned(&by.definition) == returned(&of.definition) && by.procedure == of.procedure;
                    if is_kept {
                        vec![make(by)]
                    } else {
                        vec![drop(of), make(by)]
                    }
                };
                found.add(
                    difference
                        .of(PerBackend {
                            old: Some(one.definition.clone()),
                            new: Some(twin.definition.clone()),
                        })
                        .mended(PerBackend {
                            old: replaced(twin, one),
                            new: replaced(one, twin),
                        }),
                );
            }
            Some(_) => {}
        }
    }
}

fn first_line(definition: &str) -> &str {
    definition.lines().next().unwrap_or_default()
}

/// The line of a definition that says what the function returns.
fn returned(definition: &str) -> Option<&str> {
    definition.lines().find(|line| line.starts_with(" RETURNS "))
}

fn views(found: &mut Found, sides: &PerBackend<Catalogue>, has: Backend) {
    for one in &sides[has].views {
        let kind = |materialized: bool| if materialized { "materialized view" } else { "view" };
        let make = format!("{};", one.definition);
        let drop = format!("drop {} {};", kind(one.materialized), one.name);
        let difference = Difference::new(Kind::View, None, &one.name);
        match sides[has.other()].views.iter().find(|twin| twin.name == one.name) {
            None => found.add(difference.only(has, &one.definition, vec![make], vec![drop])),
            Some(twin) if has == Backend::Old && twin.definition != one.definition => {
                let drop_twin = format!("drop {} {};", kind(twin.materialized), twin.name);
                found.add(
                    difference
                        .of(PerBackend {
                            old: Some(one.definition.clone()),
                            new: Some(twin.definition.clone()),
                        })
                        .mended(PerBackend {
                            old: vec![drop, format!("{};", twin.definition)],
                            new: vec![drop_twin, make],
                        }),
                );
            }
            Some(_) => {}
        }
    }
}
