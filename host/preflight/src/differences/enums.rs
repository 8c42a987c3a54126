use turnout_backends::{quoted, quoted_text};
use turnout_vocabulary::{Backend, PerBackend};

use super::Found;
use crate::catalogue::{Catalogue, Enum};
use crate::difference::{Difference, Kind};

/// Compares the enums.
pub(super) fn compare(found: &mut Found, sides: &PerBackend<Catalogue>) {
    for has in Backend::ALL {
        for one in &sides[has].enums {
            let twin = sides[has.other()]
                .enums
                .iter()
                .find(|twin| twin.schema == one.schema && twin.name == one.name);
            let difference = Difference::new(Kind::Enum, None, format!("{}.{}", one.schema, one.name));
            match twin {
                None => {
                    let make = vec![
                        format!("create schema if not exists {};", quoted(&one.schema)),
                        create(&qualified(one), &one.labels),
                    ];
                    let drop = vec![format!("drop type {};", qualified(one))];
                    found.add(difference.only(has, one.labels.join(", "), make, drop));
                }
                Some(twin) if has == Backend::Old && twin.labels != one.labels => found.add(
                    difference
                        .of(PerBackend {
                            old: Some(one.labels.join(", ")),
                            new: Some(twin.labels.join(", ")),
                        })
                        .mended(PerBackend {
                            old: relabel(one, &twin.labels),
                            new: relabel(twin, &one.labels),
                        }),
                ),
                Some(_) => {}
            }
        }
    }
}

fn qualified(one: &Enum) -> String {
    format!("{}.{}", quoted(&one.schema), quoted(&one.name))
}

fn create(name: &str, labels: &[String]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| quoted_text(label)).collect();
    format!("create type {name} as enum ({});", labels.join(", "))
}

/// The statements that give an enum these labels: it gets those that it lacks, or is made anew where that does not do.
fn relabel(one: &Enum, wanted: &[String]) -> Vec<String> {
    let kept: Vec<&String> = wanted.iter().filter(|label| one.labels.contains(label)).collect();
    if kept.iter().copied().ne(&one.labels) {
        return remake(one, wanted);
    }
    let name = qualified(one);
    let mut mends = Vec::new();
    for (place, label) in wanted.iter().enumerate() {
        if one.labels.contains(label) {
            continue;
        }
        let place = match place.checked_sub(1) {
            Some(before) => format!(" after {}", quoted_text(&wanted[before])),
            None => one
                .labels
                .first()
                .map(|first| format!(" before {}", quoted_text(first)))
                .unwrap_or_default(),
        };
        mends.push(format!(
            "alter type {name} add value if not exists {}{place};",
            quoted_text(label)
        ));
    }
    mends
}

/// Labels can't be removed or moved, so the columns change to another enum, which takes the name.
fn remake(one: &Enum, wanted: &[String]) -> Vec<String> {
    let name = qualified(one);
    let before = format!("{}_before", one.name);
    let mut mends = vec![
        format!("alter type {name} rename to {};", quoted(&before)),
        create(&name, wanted),
    ];
    for used in &one.columns {
        let (table, column) = (&used.table, quoted(&used.column));
        let array = if used.is_array { "[]" } else { "" };
        let mut steps = Vec::new();
        if used.default.is_some() {
            steps.push(format!("alter column {column} drop default"));
        }
        steps.push(format!(
            "alter column {column} type {name}{array} using {column}::text{array}::{name}{array}"
        ));
        if let Some(default) = &used.default {
            // The catalogue names the enum in it.
            steps.push(format!("alter column {column} set default {default}"));
        }
        mends.push(format!("alter table {table}\n    {};", steps.join(",\n    ")));
    }
    mends.push(format!("drop type {}.{};", quoted(&one.schema), quoted(&before)));
    mends
}
