//! `/rest/v1/`: describes what is served, in `OpenAPI` 2.0, as PostgREST describes it.

mod parameters;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use turnout_backends::{Argument, Function, Join, Schema, Table, TableColumn, Volatility};
use turnout_postgrest::Refusal;
use turnout_vocabulary::Repository;

use super::{RETRY_AFTER, across, options};
use crate::Host;

/// The media type of the description.
const MEDIA_TYPE: &str = "application/openapi+json; charset=utf-8";

/// The media types of rows.
const ROWS: [&str; 4] = [
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
];

pub(crate) async fn serve(State(host): State<Arc<Host>>, request: Request) -> Response {
    across(&host, request, async |_, request| describe(&host, request).await).await
}

async fn describe(host: &Host, request: Request) -> Result<Response, Refusal> {
    let (head, _) = request.into_parts();
    host.keys.caller(&head)?;
    if head.method == Method::OPTIONS {
        return Ok(options::answer(options::ROOT));
    }
    let backends = &host.pipeline.backends;
    // Both sides have the same tables; one of them may be down.
    let schema = if let Ok(schema) = backends.old.schema().await {
        schema
    } else {
        let unknown = |_| Refusal::unavailable("Neither backend can say which tables it has", Some(RETRY_AFTER));
        backends.new.schema().await.map_err(unknown)?
    };
    let profile = turnout_postgrest::profile(&head.method, &head.headers, host.pipeline.schemas())?;
    let described = description(&schema, &host.pipeline.repositories, profile).to_string();
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], described).into_response())
}

/// The description of the tables of these repositories, and of all functions beside them; where the caller named a schema, of the tables
/// there.
fn description(schema: &Schema, repositories: &[Repository], profile: Option<&str>) -> Value {
    let tables = || {
        let named = repositories
            .iter()
            .filter(|repository| profile.is_none_or(|profile| repository.schema == profile));
        let places = named.filter_map(|repository| schema.place(repository));
        places.map(|place| (place, &schema.tables()[place]))
    };
    let mut paths = Map::from_iter([("/".to_owned(), root())]);
    let mut definitions = Map::new();
    let mut parameters = parameters::general();
    for (place, table) in tables() {
        paths.insert(format!("/{}", table.name), table_path(table));
        definitions.insert(table.name.clone(), definition(schema, place));
        parameters.extend(parameters::of(table));
    }
    for function in schema.functions() {
        paths.insert(format!("/rpc/{}", function.name), function_path(function));
    }
    json!({
        "swagger": "2.0",
        "info": {
            "title": "Turnout",
            "description": "The tables and functions that Turnout serves in the dialect of PostgREST",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "basePath": "/rest/v1/",
        "consumes": ROWS,
        "produces": ROWS,
        "paths": paths,
        "definitions": definitions,
        "parameters": parameters,
    })
}

fn root() -> Value {
    json!({
        "get": {
            "tags": ["Introspection"],
            "summary": "OpenAPI description (this document)",
            "produces": ["application/openapi+json", "application/json"],
            "responses": { "200": { "description": "OK" } },
        }
    })
}

fn table_path(table: &Table) -> Value {
    let name = &table.name;
    let filters = || {
        table
            .columns
            .iter()
            .map(|column| format!("rowFilter.{name}.{}", column.name))
    };
    let operation = |own: &[&str], filtered: bool, status: &str, answer: Value| {
        let filters = filters().filter(|_| filtered);
        let names = filters.chain(own.iter().map(|own| (*own).to_owned()));
        let references = names.map(|name| json!({ "$ref": format!("#/parameters/{name}") }));
        json!({ "tags": [name], "parameters": references.collect::<Vec<_>>(), "responses": { status: answer } })
    };
    let described = |text: &str| json!({ "description": text });
    let body = format!("body.{name}");
    let read = [
        "select",
        "order",
        "range",
        "rangeUnit",
        "offset",
        "limit",
        "preferCount",
    ];
    let rows = json!({ "type": "array", "items": { "$ref": format!("#/definitions/{name}") } });
    let mut get = operation(&read, true, "200", json!({ "description": "OK", "schema": rows }));
    get["responses"]["206"] = described("Partial Content");
    if table.is_view() {
        return json!({ "get": get });
    }
    json!({
        "get": get,
        "post": operation(&[&body, "select", "preferPost"], false, "201", described("Created")),
        "patch": operation(&[&body, "preferReturn"], true, "204", described("No Content")),
        "delete": operation(&["preferReturn"], true, "204", described("No Content")),
    })
}

fn function_path(function: &Function) -> Value {
    let tags = json!([format!("(rpc) {}", function.name)]);
    let responses = json!({ "200": { "description": "OK" } });
    let properties = function.arguments.iter().map(|argument| {
        let property = typed(&argument.type_name);
        (argument.name.clone(), Value::Object(property))
    });
    let required: Vec<&str> = function
        .arguments
        .iter()
        .filter(|argument| is_required(argument))
        .map(|argument| argument.name.as_str())
        .collect();
    let arguments = json!({
        "name": "args", "in": "body", "required": true,
        "schema": { "type": "object", "required": required, "properties": properties.collect::<Map<_, _>>() },
    });
    let post = json!({ "tags": tags, "parameters": [arguments, { "$ref": "#/parameters/preferParams" }], "responses": responses });
    if function.volatility == Volatility::Volatile {
        return json!({ "post": post });
    }
    let in_query = |argument: &Argument| {
        let kind = swagger_type(&argument.type_name)
            .filter(|kind| *kind != "array")
            .unwrap_or("string");
        json!({ "name": argument.name, "in": "query", "required": is_required(argument), "type": kind, "format": argument.type_name })
    };
    let parameters: Vec<Value> = function.arguments.iter().map(in_query).collect();
    json!({ "get": { "tags": tags, "parameters": parameters, "responses": responses }, "post": post })
}

fn is_required(argument: &Argument) -> bool {
    !argument.optional && !argument.variadic
}

/// The rows of the table at a place.
fn definition(schema: &Schema, place: usize) -> Value {
    let table = &schema.tables()[place];
    let required: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| column.not_null)
        .map(|column| column.name.as_str())
        .collect();
    let properties = table
        .columns
        .iter()
        .map(|column| (column.name.clone(), property(schema, place, column)));
    json!({ "type": "object", "required": required, "properties": properties.collect::<Map<_, _>>() })
}

fn property(schema: &Schema, place: usize, column: &TableColumn) -> Value {
    let mut property = typed(&column.type_name);
    let mut notes = Vec::new();
    if schema.tables()[place].primary_key.contains(&column.name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    let referred = schema
        .relationships(place)
        .iter()
        .find_map(|relationship| match &relationship.join {
            Join::ManyToOne(key) => match &key.columns[..] {
                [(own, other)] if *own == column.name => Some((&schema.tables()[relationship.target].name, other)),
                _ => None,
            },
            _ => None,
        });
    if let Some((table, other)) = referred {
        notes.push(format!(
            "This is a Foreign Key to `{table}.{other}`.<fk table='{table}' column='{other}'/>"
        ));
    }
    if !notes.is_empty() {
        property.insert("description".into(), format!("Note:\n{}", notes.join("\n")).into());
    }
    if let Some(default) = column
        .default
        .as_deref()
        .and_then(|default| default_value(default, &column.type_name))
    {
        property.insert("default".into(), default);
    }
    Value::Object(property)
}

/// What a type is in `OpenAPI`, with its name in SQL.
fn typed(type_name: &str) -> Map<String, Value> {
    let mut typed = Map::from_iter([("format".to_owned(), Value::from(type_name))]);
    if let Some(kind) = swagger_type(type_name) {
        typed.insert("type".into(), kind.into());
    }
    if let Some(element) = type_name.strip_suffix("[]") {
        let items = swagger_type(element).map_or_else(|| json!({}), |kind| json!({ "type": kind }));
        typed.insert("items".into(), items);
    }
    typed
}

/// The type of `OpenAPI` that values of an SQL type have in JSON; `None` for any.
fn swagger_type(type_name: &str) -> Option<&'static str> {
    match type_name {
        "boolean" => Some("boolean"),
        "smallint" | "integer" | "bigint" => Some("integer"),
        "numeric" | "real" | "double precision" => Some("number"),
        "json" | "jsonb" => None,
        array if array.ends_with("[]") => Some("array"),
        _ => Some("string"),
    }
}

/// A default as JSON, where it is a plain value.
fn default_value(expression: &str, type_name: &str) -> Option<Value> {
    if swagger_type(type_name) != Some("string") {
        return serde_json::from_str(expression).ok();
    }
    let value = expression
        .strip_suffix(&format!("::{type_name}"))
        .map(|literal| literal.trim_matches('\''));
    Some(value.unwrap_or(expression).into())
}
