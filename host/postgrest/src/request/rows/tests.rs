use http::HeaderValue;

use super::*;
use crate::error::tests::body as refusal_body;

fn clients() -> Repository {
    Repository {
        id: turnout_vocabulary::RepositoryId(0),
        name: "clients".into(),
        table: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: Vec::new(),
    }
}

fn read(query: &str, prefer: &'static str, body: &str) -> Result<Rows, Refusal> {
    let headers = [(
        http::HeaderName::from_static("prefer"),
        HeaderValue::from_static(prefer),
    )]
    .into_iter()
    .collect();
    let preferences = Preferences::parse(&headers)?;
    parse(
        &clients(),
        &Query::parse(query).unwrap(),
        &headers,
        body.as_bytes(),
        &preferences,
    )
}

fn change(body: &str) -> Result<Rows, Refusal> {
    let query = Query::parse("").unwrap();
    parse_one(
        &clients(),
        &query,
        &HeaderMap::new(),
        body.as_bytes(),
        &Preferences::default(),
    )
}

#[test]
fn one_object_becomes_an_array_and_keeps_its_text() {
    let rows = read(
        "",
        "",
        "\t\n{\"phone\": \"8\", \"sum\": 1.10, \"id\": 12345678901234567890} \r\n",
    )
    .unwrap();
    assert_eq!(
        rows.json,
        r#"[{"phone": "8", "sum": 1.10, "id": 12345678901234567890}]"#
    );
    assert_eq!(rows.columns, ["id", "phone", "sum"]);
    assert_eq!(rows.subjects, [Some("8".into())]);
}

#[test]
fn rows_must_have_the_same_keys_in_any_order() {
    let rows = read("", "", r#"[{"a":1,"phone":"8"},{"phone":null,"a":{"b":[1]}}]"#).unwrap();
    assert_eq!(rows.columns, ["a", "phone"]);
    assert_eq!(rows.subjects, [Some("8".into()), None]);
    for body in [
        r#"[{"a":1},{"a":1,"b":2}]"#,
        r#"[{"a":1},123]"#,
        r#"[{"a":1},["a"]]"#,
        "[null]",
        "5",
        "\"text\"",
        "null",
    ] {
        assert_eq!(
            refusal_body(read("", "", body).unwrap_err()),
            r#"{"code":"PGRST102","details":null,"hint":null,"message":"All object keys must match"}"#,
            "{body}"
        );
    }
}

#[test]
fn listed_columns_are_the_ones_written() {
    let rows = read(
        "columns=%22name%22,phone",
        "",
        r#"[{"phone":"8","x":1},{"name":"Ann","phone":"9"}]"#,
    )
    .unwrap();
    assert_eq!(rows.columns, ["name", "phone"]);
    assert_eq!(rows.subjects, [Some("8".into()), Some("9".into())]);
    let rows = read("columns=name", "", r#"[{"name":"Ann","phone":"9"}]"#).unwrap();
    assert_eq!(
        rows.subjects,
        [None],
        "a subject that is not written counts for nothing"
    );
}

#[test]
fn empty_bodies_are_told_apart() {
    let rows = read("", "", "[]").unwrap();
    assert_eq!(
        (rows.json.as_str(), rows.columns.len(), rows.subjects.len()),
        ("[]", 0, 0)
    );
    let rows = read("", "", "[{}, {}]").unwrap();
    assert_eq!(
        (rows.json.as_str(), rows.columns.len(), rows.subjects.len()),
        ("[{}, {}]", 0, 2)
    );
    for body in ["", " ", "}{ x = 2", "[{},", "{\"a\":1}x", "{\"a\":NaN}"] {
        assert_eq!(
            refusal_body(read("", "", body).unwrap_err()),
            r#"{"code":"PGRST102","details":null,"hint":null,"message":"Empty or invalid json"}"#,
            "{body}"
        );
    }
}

#[test]
fn a_change_is_one_object_or_nothing() {
    assert_eq!(change(r#"[{"name":"Ann"}]"#).unwrap().json, r#"[{"name":"Ann"}]"#);
    assert_eq!(change("{}").unwrap().columns, [""; 0]);
    assert_eq!(change("[]").unwrap().columns, [""; 0]);
    assert_eq!(change(r#"[{"a":1},{"a":2}]"#).unwrap_err().code(), "PGRST102");
}

#[test]
fn defaults_are_needed_only_where_a_row_lacks_a_column() {
    for (prefer, body, defaults) in [
        ("missing=default", r#"[{"a":1,"b":2}]"#, false),
        ("missing=default", r#"[{"a":1,"b":2},{"a":1}]"#, true),
        ("missing=null", r#"[{"a":1}]"#, false),
    ] {
        assert_eq!(read("columns=a,b", prefer, body).unwrap().defaults, defaults, "{body}");
    }
}

#[test]
fn u0000_is_refused_as_postgresql_refuses_it() {
    assert_eq!(
        refusal_body(read("", "", r#"{"name":"a\u0000b"}"#).unwrap_err()),
        r#"{"code":"22P05","details":"\\u0000 cannot be converted to text.","hint":null,"message":"unsupported Unicode escape sequence"}"#
    );
}

#[test]
fn only_json_bodies_are_taken() {
    let query = Query::parse("").unwrap();
    let status = |content_type| {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]
            .into_iter()
            .collect();
        parse(&clients(), &query, &headers, b"{}", &Preferences::default())
            .map_err(|refusal| refusal.status().as_u16())
            .err()
    };
    assert_eq!(status("application/json; charset=UTF-8"), None);
    assert_eq!(status("text/unknowntype"), Some(400));
}
