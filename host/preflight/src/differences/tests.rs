use serde_json::{Value, json};
use turnout_vocabulary::{Backend, PerBackend};

use crate::{Catalogue, Difference, Kind, differences};

/// A side with one table of these columns; the rest as `change` makes it.
fn side(change: impl FnOnce(&mut Value)) -> Catalogue {
    let column = |name: &str, type_name: &str| {
        json!({
            "name": name, "type": type_name, "compared_type": type_name, "domain": null, "is_number": type_name == "integer",
            "not_null": name == "id", "default": null, "generated": null, "identity": null, "collation": null, "sequence": null
        })
    };
    let mut side = json!({
        "database": {
            "name": "app", "version": 150_000, "encoding": "UTF8", "collation": "C", "ctype": "C", "provider": "c",
            "locale": null, "time_zone": "UTC", "role": "turnout", "superuser": false, "bypasses_row_security": true,
            "creates_schemas": true, "silences_triggers": true
        },
        "roles": ["turnout"], "extensions": [], "enums": [], "functions": [], "views": [],
        "tables": [{
            "schema": "public", "name": "clients", "partitioned_by": null, "owner": "turnout", "owned": true,
            "row_security": false, "forced_row_security": false, "rows": 0, "bytes": 0,
            "columns": [column("id", "integer"), column("phone", "text")],
            "constraints": [], "referenced_by": [], "indexes": [], "triggers": [], "policies": [], "grants": []
        }]
    });
    change(&mut side);
    serde_json::from_value(side).unwrap()
}

fn between(old: impl FnOnce(&mut Value), new: impl FnOnce(&mut Value)) -> Vec<Difference> {
    differences(&PerBackend {
        old: side(old),
        new: side(new),
    })
}

fn unique(name: &str, expressions: &[&str]) -> Value {
    let listed = expressions.join(", ");
    json!({
        "name": name, "definition": format!("CREATE UNIQUE INDEX {name} ON public.clients USING btree ({listed})"),
        "shape": format!("btree ({listed})"), "unique": true, "valid": true, "immediate": true, "nulls_not_distinct": false,
        "constraint": null, "expressions": expressions, "plain": true, "predicate": null
    })
}

#[test]
fn equal_sides_have_no_difference() {
    assert!(between(|_| {}, |_| {}).is_empty());
}

#[test]
fn unique_indexes_are_compared_by_what_they_refuse() {
    let indexes = |names: &[&str], expressions: &[&str]| {
        let indexes: Vec<Value> = names.iter().map(|name| unique(name, expressions)).collect();
        move |side: &mut Value| side["tables"][0]["indexes"] = json!(indexes)
    };
    let alike = between(
        indexes(&["a"], &["id", "phone"]),
        indexes(&["b", "c"], &["phone", "id"]),
    );
    assert!(alike.is_empty(), "{alike:?}");
    let found = between(|_| {}, indexes(&["b"], &["phone"]));
    let [difference] = &found[..] else {
        panic!("one difference: {found:?}")
    };
    assert_eq!(
        (difference.kind, difference.only_on()),
        (Kind::Unique, Some(Backend::New))
    );
    let make = &difference.mends[Backend::Old];
    assert_eq!(
        make[..],
        ["CREATE UNIQUE INDEX b ON public.clients USING btree (phone);"]
    );
    assert_eq!(
        difference.mends[Backend::New][..],
        ["drop index if exists \"public\".\"b\";"]
    );
}

#[test]
fn an_invalid_index_refuses_nothing() {
    let mut invalid = unique("b", &["phone"]);
    invalid["valid"] = json!(false);
    let found = between(
        |side| side["tables"][0]["indexes"] = json!([unique("b", &["phone"])]),
        |side| side["tables"][0]["indexes"] = json!([invalid]),
    );
    let mends: Vec<&Vec<String>> = found.iter().map(|difference| &difference.mends[Backend::New]).collect();
    assert_eq!(mends.len(), 1);
    assert!(
        mends[0][0].starts_with("drop index") && mends[0][1].starts_with("CREATE UNIQUE"),
        "{mends:?}"
    );
}

#[test]
fn names_are_quoted_wherever_they_stand() {
    let odd = r#"x"; drop table y; --"#;
    let found = between(
        |side| {
            side["tables"][0]["columns"][1]["name"] = json!(odd);
        },
        |_| {},
    );
    for statement in found
        .iter()
        .flat_map(|difference| difference.mends.iter().flat_map(|(_, mends)| mends))
    {
        assert!(!statement.contains(odd), "{statement}");
        assert!(
            statement.contains(r#""x""; drop table y; --""#) || statement.contains("\"phone\""),
            "{statement}"
        );
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn an_enum_is_remade_only_where_labels_moved() {
    let mood = |labels: &[&str]| {
        let mood = json!({"schema": "public", "name": "mood", "labels": labels, "columns": [
            {"table": "public.clients", "column": "mood", "is_array": false, "default": null}
        ]});
        move |side: &mut Value| side["enums"] = json!([mood])
    };
    let statements = |old: &[&str], new: &[&str]| between(mood(old), mood(new))[0].mends[Backend::New].join("\n");
    let added = statements(&["a", "b", "c"], &["c"]);
    assert!(!added.contains("rename"), "{added}");
    assert!(
        added.contains("add value if not exists 'a' before 'c'") && added.contains("'b' after 'a'"),
        "{added}"
    );
    let moved = statements(&["b", "a"], &["a", "b"]);
    assert!(
        moved.contains("rename to \"mood_before\"") && moved.contains("drop type"),
        "{moved}"
    );
}

#[test]
fn statements_come_after_those_that_they_need() {
    let found = between(
        |side| {
            side["enums"] = json!([{"schema": "public", "name": "mood", "labels": ["a"], "columns": []}]);
            side["views"] = json!([{"name": "public.v", "definition": "create or replace view public.v as select 1",
                "materialized": false}]);
        },
        |side| side["tables"] = json!([]),
    );
    let kinds: Vec<Kind> = found.iter().map(|difference| difference.kind).collect();
    assert_eq!(kinds, [Kind::Enum, Kind::Table, Kind::View]);
}
