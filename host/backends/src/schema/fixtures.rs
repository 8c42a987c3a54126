//! A small schema for tests of what is made of it.

use std::collections::BTreeMap;

use super::{ForeignKey, Generated, Join, Relationship, Schema, Table, TableColumn, TableKind};

/// Clients, their bookings and the staff, each booking with a member of the staff and a helper, each member with a boss.
pub(crate) fn salon() -> Schema {
    let key = |constraint: &str, this: &str, other: &str| ForeignKey {
        constraint: constraint.into(),
        columns: vec![(this.into(), other.into())],
    };
    let (bookings, clients, staff) = (0, 1, 2);
    let related = |target, join| Relationship { target, join };
    Schema {
        tables: vec![
            table("bookings", &["id", "client_id", "staff_id", "helper_id"]),
            table("clients", &["id", "name"]),
            table("staff", &["id", "boss"]),
        ],
        repositories: vec![Some(clients), Some(bookings), Some(staff)],
        relationships: vec![
            vec![
                related(clients, Join::ManyToOne(key("client_fkey", "client_id", "id"))),
                related(staff, Join::ManyToOne(key("helper_fkey", "helper_id", "id"))),
                related(staff, Join::ManyToOne(key("staff_fkey", "staff_id", "id"))),
            ],
            vec![related(
                bookings,
                Join::OneToMany(key("client_fkey", "id", "client_id")),
            )],
            vec![
                related(bookings, Join::OneToMany(key("helper_fkey", "id", "helper_id"))),
                related(bookings, Join::OneToMany(key("staff_fkey", "id", "staff_id"))),
                related(staff, Join::OneToMany(key("boss_fkey", "id", "boss"))),
                related(staff, Join::ManyToOne(key("boss_fkey", "boss", "id"))),
            ],
        ],
        functions: vec![],
        roles: BTreeMap::new(),
        installed: true,
    }
}

fn table(name: &str, columns: &[&str]) -> Table {
    let column = |name: &&str| TableColumn {
        name: (*name).into(),
        type_name: "integer".into(),
        compared_type: "integer".into(),
        not_null: false,
        default: None,
        generated: Generated::No,
    };
    Table {
        schema: "public".into(),
        name: name.into(),
        qualified: format!("\"public\".\"{name}\""),
        kind: TableKind::Plain,
        columns: columns.iter().map(column).collect(),
        primary_key: vec!["id".into()],
        unique_keys: vec![vec!["id".into()]],
        references: vec![],
        parts: vec![],
    }
}
