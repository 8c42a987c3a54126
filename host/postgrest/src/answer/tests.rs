use http::{HeaderMap, Method};
use turnout_vocabulary::RepositoryId;

use super::*;
use crate::{Dialect, parse};

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

/// The answer to a request whose outcome is `outcome`, as text: status, headers in alphabetical order, body.
fn told(method: &Method, query: &str, headers: &[(&'static str, &'static str)], outcome: Outcome) -> String {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let body = if *method == Method::DELETE { "" } else { "{}" };
    let call = parse(Dialect::default(), method, &clients(), query, &headers, body.as_bytes())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let response = answer(&call.answer, &clients(), outcome);
    let mut lines: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    lines.sort();
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    format!("{}\n{}\n{body}", response.status().as_u16(), lines.concat())
}

fn rows(body: &str, rows: u64) -> Outcome {
    Outcome {
        body: body.into(),
        rows,
        ..Outcome::default()
    }
}

const JSON: &str = "content-type: application/json; charset=utf-8";

#[test]
fn a_content_location_that_clients_might_refuse_is_left_out() {
    let query = |ids: usize| format!("id=in.({})", vec!["1234567"; ids].join(","));
    let with_ids = |ids| told(&Method::GET, &query(ids), &[], rows("[]", 0));
    assert!(with_ids(150).contains("\ncontent-location: /clients?id=in.%281234567%2C"));
    assert_eq!(with_ids(600), format!("200\ncontent-range: */*\n{JSON}\n\n[]"));
}

#[test]
fn a_find_answers_with_its_rows() {
    assert_eq!(
        told(&Method::GET, "name=eq.A+B&id=eq.1", &[], rows(r#"[{"id":1}]"#, 1)),
        format!(
            "200\ncontent-location: /clients?id=eq.1&name=eq.A%20B\ncontent-range: 0-0/*\n{JSON}\n\n[{{\"id\":1}}]"
        )
    );
    assert_eq!(
        told(&Method::GET, "", &[("accept-profile", "public")], rows("[]", 0)),
        format!("200\ncontent-location: /clients\ncontent-profile: public\ncontent-range: */*\n{JSON}\n\n[]")
    );
}

#[test]
fn a_counted_find_says_of_how_many() {
    let outcome = Outcome {
        total: Some(15),
        ..rows("[1,2]", 2)
    };
    let headers = [("prefer", "count=exact, return=minimal, resolution=merge-duplicates")];
    assert_eq!(
        told(&Method::GET, "limit=2&offset=3", &headers, outcome.clone()),
        format!(
            "206\ncontent-location: /clients?limit=2&offset=3\ncontent-range: 3-4/15\n{JSON}\n\
             preference-applied: count=exact\n\n[1,2]"
        )
    );
    assert_eq!(
        told(
            &Method::HEAD,
            "limit=2&offset=3",
            &[("prefer", "count=planned")],
            outcome
        ),
        format!(
            "206\ncontent-location: /clients?limit=2&offset=3\ncontent-range: 3-4/15\n{JSON}\n\
             preference-applied: count=planned\n\n"
        )
    );
}

#[test]
fn a_find_beyond_the_last_row_is_not_satisfiable() {
    let outcome = Outcome {
        total: Some(15),
        ..rows("[]", 0)
    };
    assert_eq!(
        told(&Method::GET, "offset=100", &[("prefer", "count=exact")], outcome),
        format!(
            "416\ncontent-location: /clients?offset=100\ncontent-range: */15\n{JSON}\npreference-applied: count=exact\n\n{}",
            r#"{"code":"PGRST103","details":"An offset of 100 was requested, but there are only 15 rows.","hint":null,"message":"Requested range not satisfiable"}"#
        )
    );
}

#[test]
fn one_object_is_one_row_or_an_error() {
    let object = [("accept", "application/vnd.pgrst.object+json")];
    assert_eq!(
        told(&Method::GET, "", &object, rows(r#"{"id":1}"#, 1)),
        "200\ncontent-location: /clients\ncontent-range: 0-0/*\n\
         content-type: application/vnd.pgrst.object+json; charset=utf-8\n\n{\"id\":1}"
    );
    for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
        assert_eq!(
            told(&method, "", &object, rows("", 4)),
            format!(
                "406\n{JSON}\n\n{}",
                r#"{"code":"PGRST116","details":"The result contains 4 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}"#
            )
        );
    }
}

#[test]
fn an_insert_answers_201_with_what_was_asked_for() {
    let new = Outcome {
        inserted: 1,
        ..rows("", 1)
    };
    assert_eq!(told(&Method::POST, "", &[], new.clone()), "201\ncontent-range: */*\n\n");
    assert_eq!(
        told(
            &Method::POST,
            "",
            &[("prefer", "return=minimal,missing=null,count=exact")],
            new.clone()
        ),
        "201\ncontent-range: */1\npreference-applied: missing=null, return=minimal, count=exact\n\n"
    );
    let representation = [("prefer", "return=representation"), ("content-profile", "public")];
    assert_eq!(
        told(
            &Method::POST,
            "",
            &representation,
            Outcome {
                body: "[{}]".into(),
                ..new.clone()
            }
        ),
        format!(
            "201\ncontent-profile: public\ncontent-range: */*\n{JSON}\npreference-applied: return=representation\n\n[{{}}]"
        )
    );
    let location = vec![("k1".into(), "12".into()), ("k2".into(), "Rock & R+ll".into())];
    assert_eq!(
        told(
            &Method::POST,
            "",
            &[("prefer", "return=headers-only")],
            Outcome { location, ..new }
        ),
        "201\ncontent-range: */*\nlocation: /clients?k1=eq.12&k2=eq.Rock%20%26%20R%2Bll\n\
         preference-applied: return=headers-only\n\n"
    );
}

#[test]
fn an_upsert_that_inserted_nothing_answers_200_if_it_merged() {
    let none_new = rows("", 2);
    let merge = [("prefer", "resolution=merge-duplicates")];
    let applied = "content-range: */*\npreference-applied: resolution=";
    assert_eq!(
        told(&Method::POST, "", &merge, none_new.clone()),
        format!("200\n{applied}merge-duplicates\n\n")
    );
    let some_new = Outcome {
        inserted: 1,
        ..none_new
    };
    assert_eq!(
        told(&Method::POST, "", &merge, some_new),
        format!("201\n{applied}merge-duplicates\n\n")
    );
    let ignore = [("prefer", "resolution=ignore-duplicates")];
    assert_eq!(
        told(&Method::POST, "", &ignore, rows("", 0)),
        format!("201\n{applied}ignore-duplicates\n\n")
    );
}

#[test]
fn an_update_answers_204_or_200_with_its_rows() {
    assert_eq!(
        told(&Method::PATCH, "", &[], rows("", 2)),
        "204\ncontent-range: 0-1/*\n\n"
    );
    assert_eq!(
        told(&Method::PATCH, "", &[], rows("", 0)),
        "204\ncontent-range: */*\n\n"
    );
    assert_eq!(
        told(
            &Method::PATCH,
            "",
            &[("prefer", "return=representation, count=exact")],
            rows("[{}]", 1)
        ),
        format!("200\ncontent-range: 0-0/1\n{JSON}\npreference-applied: return=representation, count=exact\n\n[{{}}]")
    );
}

#[test]
fn a_delete_answers_204_or_200_with_its_rows() {
    assert_eq!(
        told(&Method::DELETE, "", &[], rows("", 3)),
        "204\ncontent-range: */*\n\n"
    );
    assert_eq!(
        told(
            &Method::DELETE,
            "",
            &[("prefer", "return=representation, count=exact, handling=lenient, x")],
            rows("[]", 0)
        ),
        format!(
            "200\ncontent-range: */0\n{JSON}\npreference-applied: return=representation, count=exact, handling=lenient\n\n[]"
        )
    );
}
