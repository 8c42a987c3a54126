use turnout_vocabulary::{Field, Filter, Find, Window};

use super::*;
use crate::schema::fixtures::salon;

fn embed(target: &str, hint: Option<&str>, select: Vec<Selected>) -> Embed {
    Embed {
        target: target.into(),
        alias: None,
        hint: hint.map(Into::into),
        inner: false,
        spread: false,
        select,
        filter: Filter::default(),
        order: Vec::new(),
        window: Window::default(),
    }
}

fn find(embeds: Vec<Embed>) -> Request {
    Request::Find(Find {
        select: embeds.into_iter().map(Selected::Embed).collect(),
        ..Find::default()
    })
}

/// The place of a table of the salon.
fn place(schema: &Schema, name: &str) -> usize {
    schema.tables().iter().position(|table| table.name == name).unwrap()
}

/// What the plan of an embed in a table is refused with, if it is.
fn refused(table: &str, embedded: Embed) -> Option<Error> {
    let schema = salon();
    Scope::target(&schema, place(&schema, table), &find(vec![embedded])).err()
}

#[test]
fn a_relationship_is_named_by_table_key_or_column() {
    for (table, target, hint) in [
        ("bookings", "clients", None),
        ("bookings", "client_fkey", None),
        ("bookings", "client_id", None),
        ("clients", "bookings", None),
        ("bookings", "staff", Some("staff_fkey")),
        ("bookings", "staff", Some("helper_id")),
        ("staff", "bookings", Some("helper_id")),
        ("staff", "staff", None),
        ("staff", "boss", None),
        ("staff", "staff", Some("boss")),
    ] {
        let refused = refused(table, embed(target, hint, vec![Selected::Every]));
        assert!(refused.is_none(), "{table} {target} {hint:?}: {refused:?}");
    }
}

#[test]
fn several_relationships_are_listed_with_what_chooses_each() {
    let Some(Error::AmbiguousRelationship { candidates, .. }) = refused("bookings", embed("staff", None, vec![]))
    else {
        panic!("not ambiguous")
    };
    let listed: Vec<_> = candidates
        .iter()
        .map(|candidate| (candidate.relationship.as_str(), candidate.choice.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            (
                "helper_fkey using bookings(helper_id) and staff(id)",
                "staff!helper_fkey"
            ),
            ("staff_fkey using bookings(staff_id) and staff(id)", "staff!staff_fkey"),
        ]
    );
}

#[test]
fn an_unknown_relationship_suggests_what_was_meant() {
    let Some(Error::UnknownRelationship(unknown)) = refused("clients", embed("booking", None, vec![])) else {
        panic!("known")
    };
    assert_eq!(unknown.suggestion, Some(("bookings".into(), "booking".into())));
}

#[test]
fn two_tables_embedded_under_one_name_are_refused() {
    let schema = salon();
    let request = find(vec![
        embed("staff", Some("staff_fkey"), vec![]),
        embed("staff", Some("helper_fkey"), vec![]),
    ]);
    let refused = Scope::target(&schema, place(&schema, "bookings"), &request).err();
    assert!(matches!(refused, Some(Error::EmbeddedTwice { alias }) if alias == "bookings_staff_1"));
}

#[test]
fn tables_embedded_at_any_depth_are_read_beside_the_target() {
    let schema = salon();
    let staff = embed("staff", Some("staff_fkey"), vec![]);
    let request = find(vec![embed("bookings", None, vec![Selected::Embed(staff)])]);
    let scope = Scope::target(&schema, place(&schema, "clients"), &request).unwrap();
    let names: Vec<_> = scope.read_beside().into_iter().map(|table| table.table).collect();
    assert_eq!(names, ["bookings", "staff"]);
    assert!(scope.embeds[0].is_hidden());
}

#[test]
fn an_unknown_column_is_named_with_the_depth_of_its_table() {
    let schema = salon();
    let request = find(vec![embed("bookings", None, vec![])]);
    let scope = Scope::target(&schema, place(&schema, "clients"), &request).unwrap();
    let unknown = scope.embeds[0].scope.named(&Field::from("nothing")).err();
    assert!(matches!(unknown, Some(Error::UnknownColumn { table, .. }) if table == "bookings_1"));
}
