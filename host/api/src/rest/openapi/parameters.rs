//! The parameters that operations refer to.

use serde_json::{Map, Value, json};
use turnout_backends::Table;

/// Those of all tables.
pub(super) fn general() -> Map<String, Value> {
    let query = |name: &str, description: &str| json!({ "name": name, "description": description, "required": false, "in": "query", "type": "string" });
    let header = |name: &str, description: &str| json!({ "name": name, "description": description, "required": false, "in": "header", "type": "string" });
    let prefer = |values: &[&str]| {
        let mut prefer = header("Prefer", "Preference");
        prefer["enum"] = json!(values);
        prefer
    };
    let mut unit = header("Range-Unit", "Limiting and Pagination");
    unit["default"] = "items".into();
    let returns = ["return=representation", "return=minimal", "return=headers-only"];
    let resolutions = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
    let all = [
        ("preferParams", header("Prefer", "Preference")),
        ("preferReturn", prefer(&returns)),
        (
            "preferCount",
            prefer(&["count=exact", "count=planned", "count=estimated"]),
        ),
        ("preferPost", prefer(&[&returns[..], &resolutions[..]].concat())),
        ("select", query("select", "Filtering Columns")),
        ("on_conflict", query("on_conflict", "On Conflict")),
        ("order", query("order", "Ordering")),
        ("range", header("Range", "Limiting and Pagination")),
        ("rangeUnit", unit),
        ("offset", query("offset", "Limiting and Pagination")),
        ("limit", query("limit", "Limiting and Pagination")),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Those of one table: its body, and a filter for each column.
pub(super) fn of(table: &Table) -> impl Iterator<Item = (String, Value)> {
    let name = &table.name;
    let schema = json!({ "$ref": format!("#/definitions/{name}") });
    let body = json!({ "name": name, "description": name, "required": false, "in": "body", "schema": schema });
    let filters = table.columns.iter().map(move |column| {
        let filter = json!({ "name": column.name, "required": false, "in": "query", "type": "string" });
        (format!("rowFilter.{name}.{}", column.name), filter)
    });
    std::iter::once((format!("body.{name}"), body)).chain(filters)
}
