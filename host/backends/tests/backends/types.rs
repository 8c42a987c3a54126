use turnout_vocabulary::{Conflict, Filter, Find, Insert, Operand, Operator, Repository, Request, Resolution, Update};

use crate::world::{World, compare, equal, insert, repository, representation, rows};

const ODD: &str = r#"
    create schema "Other";
    create type "Other"."Mood" as enum ('glad', 'sad as ever');
    create table "Other"."Odd ""Rows""" (
        "Id" integer, part integer, "Mixed Case" text, "quo""te" text, document json, data jsonb, tags text[],
        at timestamptz, amount numeric, blob bytea, mood "Other"."Mood", ident uuid, code char(4), short varchar(3),
        "order" bigint, ratio float8, numbers int[],
        doubled bigint generated always as ("order" * 2) stored,
        primary key (part, "Id"));"#;

const COLUMNS: [&str; 17] = [
    "Id",
    "part",
    "Mixed Case",
    "quo\"te",
    "document",
    "data",
    "tags",
    "at",
    "amount",
    "blob",
    "mood",
    "ident",
    "code",
    "short",
    "order",
    "ratio",
    "numbers",
];

const ROW: &str = r#"[{"Id": 1, "part": 2, "Mixed Case": "a \"b\" 'c' 🚃 \\ $1", "quo\"te": null,
    "document": {"b" : 1.0,  "a":[ 1,2 ], "b":2}, "data": {"b": 1.10, "a": null}, "tags": ["x", "y,\"z\"", null],
    "at": "2024-05-01T10:00:00+03:00", "amount": 12345678901234567890.12345678901234567890, "blob": "\\xdeadbeef",
    "mood": "sad as ever", "ident": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "code": "ab", "short": "abc",
    "order": 9007199254740993, "ratio": 0.1, "numbers": [1, 2]}]"#;

const AS_STORED: &str = r#"[{"Id":1,"part":2,"Mixed Case":"a \"b\" 'c' 🚃 \\ $1","quo\"te":null,"document":{"b" : 1.0,  "a":[ 1,2 ], "b":2},"data":{"a": null, "b": 1.10},"tags":["x","y,\"z\"",null],"at":"2024-05-01T07:00:00+00:00","amount":12345678901234567890.12345678901234567890,"blob":"\\xdeadbeef","mood":"sad as ever","ident":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","code":"ab  ","short":"abc","order":9007199254740993,"ratio":0.1,"numbers":[1,2],"doubled":18014398509481986}]"#;

fn odd_rows() -> Repository {
    Repository {
        schema: "Other".into(),
        ..repository("Odd \"Rows\"", &["part", "Id"], None)
    }
}

#[tokio::test]
async fn awkward_types_come_back_as_they_went_in() {
    let world = World::new(ODD, vec![odd_rows()]).await;
    let inserted = world.execute(Request::Insert(insert(ROW, &COLUMNS))).await.unwrap();
    assert_eq!(inserted.body, AS_STORED);
    assert_eq!(world.found(Find::default()).await, AS_STORED);

    let change = Update {
        change: rows(ROW, &COLUMNS),
        filter: Filter::All(vec![equal("Id", "1"), equal("part", "2")]),
        returning: representation(&[]),
    };
    assert_eq!(world.execute(Request::Update(change)).await.unwrap().body, AS_STORED);

    let conflict = Some(Conflict {
        columns: vec![],
        resolution: Resolution::Merge,
    });
    let upserted = world
        .execute(Request::Insert(Insert {
            conflict,
            ..insert(ROW, &COLUMNS)
        }))
        .await
        .unwrap();
    assert_eq!((upserted.body.as_str(), upserted.inserted), (AS_STORED, 0));
}

#[tokio::test]
async fn filters_compare_as_the_columns_type_does() {
    let world = World::new(ODD, vec![odd_rows()]).await;
    world.execute(Request::Insert(insert(ROW, &COLUMNS))).await.unwrap();
    for (column, value) in [
        ("Mixed Case", "a \"b\" 'c' 🚃 \\ $1"),
        ("data", r#"{"a":null,"b":1.1}"#),
        ("tags", r#"{x,"y,\"z\"",NULL}"#),
        ("at", "2024-05-01 07:00Z"),
        ("amount", "12345678901234567890.1234567890123456789"),
        ("blob", "\\xDEADBEEF"),
        ("mood", "sad as ever"),
        ("ident", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("code", "ab"),
        ("short", "abc"),
        ("order", "9007199254740993"),
        ("numbers", "{1,2}"),
        ("doubled", "18014398509481986"),
    ] {
        let outcome = world
            .execute(Request::Find(Find {
                filter: equal(column, value),
                ..Find::default()
            }))
            .await;
        assert_eq!(outcome.unwrap().rows, 1, "{column}");
    }
    let longer = Find {
        filter: equal("short", "abcd"),
        ..Find::default()
    };
    assert_eq!(world.found(longer).await, "[]", "a cast must not cut the value off");
}

#[tokio::test]
async fn a_text_too_long_for_its_column_is_refused_not_cut_off() {
    let world = World::new(ODD, vec![odd_rows()]).await;
    let refused = world
        .execute(Request::Insert(insert(
            r#"[{"Id":1,"part":1,"short":"abcd"}]"#,
            &["Id", "part", "short"],
        )))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "22001");
    let refused = world
        .execute(Request::Insert(insert(
            r#"[{"Id":1,"part":1,"Mixed Case":"a\u0000"}]"#,
            &["Id", "part", "Mixed Case"],
        )))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "22P05");
}

#[tokio::test]
async fn a_filter_value_that_the_columns_domain_refuses_matches_no_row() {
    let script =
        "create domain short as varchar(8) check (value ~ '^[a-z]+$'); create domain shorter as short not null;
        create table things (id int primary key, a short, b shorter);
        insert into things values (1, 'x', 'y')";
    let world = World::new(script, vec![repository("things", &["id"], None)]).await;
    for (filter, rows) in [
        (equal("a", "X1"), 0),
        (equal("b", "far too long"), 0),
        (equal("b", "y"), 1),
        (
            compare("b", Operator::In, Operand::List(vec!["Y".into(), "y".into()])),
            1,
        ),
        (compare("a", Operator::Neq, Operand::Value("1".into())), 1),
    ] {
        let find = Find {
            filter: filter.clone(),
            ..Find::default()
        };
        assert_eq!(
            world.execute(Request::Find(find)).await.unwrap().rows,
            rows,
            "{filter:?}"
        );
    }
    let refused = world
        .execute(Request::Insert(insert(
            r#"[{"id":2,"a":"X1","b":"y"}]"#,
            &["id", "a", "b"],
        )))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "23514");
}
