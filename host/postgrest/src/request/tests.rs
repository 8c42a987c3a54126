use http::{HeaderName, HeaderValue};
use turnout_vocabulary::{
    Column, Comparison, Count, Filter, IsValue, NullsOrder, Operand, Operator, OrderBy, RepositoryId, Resolution,
    Selected,
};

use super::*;
use crate::error::tests::body as refusal_body;

fn clients() -> Repository {
    Repository {
        id: RepositoryId(0),
        name: "clients".into(),
        table: "clients".into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: Some("phone".into()),
        compared: Vec::new(),
    }
}

fn call(method: &Method, query: &str, headers: &[(&'static str, &str)], body: &str) -> Result<Request, Refusal> {
    let headers = headers.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    });
    let dialect = Dialect::default();
    parse(dialect, method, &clients(), query, &headers.collect(), body.as_bytes()).map(|call| call.request)
}

fn column(name: &str) -> Selected {
    Selected::Column(Column {
        field: name.into(),
        alias: None,
        cast: None,
        aggregate: None,
    })
}

fn compare(column: &str, operator: Operator, operand: Operand) -> Filter {
    Filter::Compare(Comparison {
        field: column.into(),
        operator,
        operand,
    })
}

#[test]
fn a_find_is_understood_whole() {
    let query = "select=id,name&phone=eq.%2B7+968&name=not.is.null&or=(id.in.(1,2),name.ilike.*%D0%B8*)\
                 &order=name.desc.nullslast,id&limit=10&offset=20";
    let Request::Find(find) = call(&Method::GET, query, &[("prefer", "count=exact")], "").unwrap() else {
        panic!("not a find")
    };
    assert_eq!(find.select, [column("id"), column("name")]);
    assert_eq!(
        find.filter,
        Filter::All(vec![
            compare("phone", Operator::Eq, Operand::Value("+7 968".into())),
            Filter::Not(Box::new(compare("name", Operator::Is, Operand::Is(IsValue::Null)))),
            Filter::Any(vec![
                compare("id", Operator::In, Operand::List(vec!["1".into(), "2".into()])),
                compare("name", Operator::Ilike, Operand::Value("%и%".into())),
            ]),
        ])
    );
    assert_eq!(find.filter.pinned("phone"), Some(vec!["+7 968"]));
    assert_eq!(
        find.order,
        [
            OrderBy {
                embed: None,
                field: "name".into(),
                descending: true,
                nulls: Some(NullsOrder::Last)
            },
            OrderBy {
                embed: None,
                field: "id".into(),
                descending: false,
                nulls: None
            },
        ]
    );
    assert_eq!(
        find.window,
        Window {
            offset: 20,
            limit: Some(10)
        }
    );
    assert!(find.count == Some(Count::Exact) && !find.single);
}

#[test]
fn a_plain_find_is_everything() {
    let Request::Find(find) = call(&Method::GET, "", &[], "").unwrap() else {
        panic!("not a find")
    };
    assert_eq!(
        (find.select, find.filter, find.order),
        (vec![Selected::Every], Filter::default(), Vec::new())
    );
    assert_eq!(find.window, Window::default());
    assert!(find.count.is_none() && !find.single);
}

#[test]
fn the_range_header_counts_for_get_alone() {
    let window = |method| match call(&method, "limit=5", &[("range", "1-2"), ("range-unit", "items")], "").unwrap() {
        Request::Find(find) => find.window,
        _ => panic!("not a find"),
    };
    assert_eq!(
        window(Method::GET),
        Window {
            offset: 1,
            limit: Some(2)
        }
    );
    assert_eq!(
        window(Method::HEAD),
        Window {
            offset: 0,
            limit: Some(5)
        }
    );
}

#[test]
fn what_supabase_js_sends_for_an_upsert_is_understood() {
    let headers = [
        ("prefer", "resolution=merge-duplicates,return=representation"),
        ("content-type", "application/json"),
        ("content-profile", "public"),
        ("accept", "application/vnd.pgrst.object+json"),
    ];
    let query = "on_conflict=yclients_id%2Ccompany_id&columns=%22phone%22%2C%22name%22&select=id%2Cname";
    let body = r#"[{"phone":"89686484488","name":"Ann"}]"#;
    let Request::Insert(insert) = call(&Method::POST, query, &headers, body).unwrap() else {
        panic!("not an insert")
    };
    assert_eq!(insert.rows.json, body);
    assert_eq!(insert.rows.columns, ["phone", "name"]);
    assert_eq!(insert.rows.subjects, [Some("89686484488".into())]);
    let conflict = Conflict {
        columns: vec!["yclients_id".into(), "company_id".into()],
        resolution: Resolution::Merge,
    };
    assert_eq!(insert.conflict, Some(conflict));
    let rows = Some(vec![column("id"), column("name")]);
    assert_eq!(
        insert.returning,
        Returning {
            rows,
            single: true,
            ..Returning::default()
        }
    );
}

#[test]
fn only_a_resolution_makes_an_insert_an_upsert() {
    let insert = |query, prefer| match call(&Method::POST, query, &[("prefer", prefer)], "{}").unwrap() {
        Request::Insert(insert) => insert,
        _ => panic!("not an insert"),
    };
    assert_eq!(insert("on_conflict=id", "return=headers-only").conflict, None);
    assert!(insert("", "return=headers-only").returning.location);
    let conflict = Conflict {
        columns: Vec::new(),
        resolution: Resolution::Ignore,
    };
    assert_eq!(insert("", "resolution=ignore-duplicates").conflict, Some(conflict));
}

#[test]
fn updates_and_deletes_take_filters_and_no_window() {
    let returning = Returning {
        rows: Some(vec![Selected::Every]),
        ..Returning::default()
    };
    let headers = [("prefer", "return=representation")];
    let filter = Filter::All(vec![compare("id", Operator::Gt, Operand::Value("1".into()))]);
    let Request::Update(update) = call(&Method::PATCH, "id=gt.1&select=*", &headers, r#"{"name":"Ann"}"#).unwrap()
    else {
        panic!("not an update")
    };
    assert_eq!((&update.filter, &update.returning), (&filter, &returning));
    assert_eq!(
        (update.change.json.as_str(), update.change.columns.len()),
        (r#"[{"name":"Ann"}]"#, 1)
    );
    let Request::Delete(delete) = call(&Method::DELETE, "id=gt.1", &headers, "ignored").unwrap() else {
        panic!("not a delete")
    };
    assert_eq!((delete.filter, delete.returning), (filter, returning));
    for method in [Method::PATCH, Method::DELETE] {
        assert_eq!(
            call(&method, "id=gt.1&limit=1", &[], "{}").unwrap_err().code(),
            "PGRST127"
        );
    }
}

#[test]
fn other_methods_are_refused_as_postgrest_refuses_them() {
    let refusal = call(&Method::TRACE, "", &[], "{}").unwrap_err();
    assert_eq!(refusal.status(), 405);
    assert_eq!(
        refusal_body(refusal),
        r#"{"code":"PGRST117","details":null,"hint":null,"message":"Unsupported HTTP method: TRACE"}"#
    );
}

/// No input makes the parsers panic, and every refusal blames the caller.
#[test]
fn nasty_requests_are_answered_calmly() {
    let pieces = [
        "",
        "(",
        ")",
        ",",
        ".",
        "\"",
        "\\",
        "%",
        "%0",
        "%00",
        "%ff",
        "%C3",
        "*",
        ":",
        "::",
        "->",
        "->>",
        "-",
        "!",
        "{",
        "}",
        "eq.",
        "in.(",
        "in.(\"",
        "is.",
        "not.",
        "not.and(",
        "or(",
        "and(a.eq.",
        "a",
        "é",
        "%F0%9F%98%80",
        "+",
        " ",
        "\t",
        "a.eq.1",
        "\"a\\",
        "count()",
        "...",
        "id.desc.",
        "0",
        "-1",
        "99999999999999999999999999999999999999999999",
    ];
    let keys = [
        "select",
        "order",
        "limit",
        "offset",
        "columns",
        "on_conflict",
        "and",
        "or",
        "not.or",
        "id",
        "a.b",
        "\"",
        "",
    ];
    for first in pieces {
        for second in pieces {
            for key in keys {
                let query = format!("{key}={first}{second}&{first}={second}");
                for (method, body) in [(Method::GET, ""), (Method::POST, "[{}]"), (Method::PATCH, "{}")] {
                    if let Err(refusal) = call(&method, &query, &[], body) {
                        assert!(refusal.status().is_client_error(), "{query}");
                    }
                }
            }
            let headers = [
                ("accept", first),
                ("prefer", second),
                ("range", first),
                ("accept-profile", second),
            ];
            if let Err(refusal) = call(&Method::GET, "", &headers, "") {
                assert!(refusal.status().is_client_error());
            }
            let body = format!("{{\"{first}\":{second}}}");
            if let Err(refusal) = call(&Method::POST, "", &[("content-type", "application/json")], &body) {
                assert!(refusal.status().is_client_error());
            }
        }
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(call(&Method::POST, "", &[], &deep).is_err());
    assert!(call(&Method::POST, "", &[], &"[".repeat(200_000)).is_err());
    assert!(
        parse(
            Dialect::default(),
            &Method::POST,
            &clients(),
            "",
            &HeaderMap::new(),
            b"{\"a\":\"\xff\"}"
        )
        .is_err()
    );
}
