use std::borrow::Cow;
use std::time::{Duration, Instant};

use turnout_backends::{ColumnUse, Entry, Error, Generated, Isolation, Undone, Why};
use turnout_vocabulary::{
    Conflict, Delete, Epoch, Find, Insert, Operand, Operator, Repository, RepositoryId, Request, Resolution, Update,
};

use crate::world::{World, columns, compare, equal, insert, repository, representation, rows};

/// Tries again until it works: the schema is read anew at most once a second.
async fn soon<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) if began.elapsed() > Duration::from_secs(5) => panic!("{error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn a_new_column_is_seen_without_a_restart() {
    let world = World::clients().await;
    let find = || {
        Request::Find(Find {
            select: columns(&["id", "email"]),
            filter: equal("id", "1"),
            ..Find::default()
        })
    };
    let update = Request::Update(Update {
        change: rows(r#"[{"email":"a@b"}]"#, &["email"]),
        filter: equal("id", "1"),
        returning: representation(&["email"]),
    });
    let refused = world.execute(find()).await;
    assert!(
        matches!(&refused, Err(Error::UnknownColumn { column, usage: ColumnUse::Read, .. }) if column == "email"),
        "{refused:?}"
    );
    let refused = world.execute(update.clone()).await;
    assert!(matches!(
        refused,
        Err(Error::UnknownColumn {
            usage: ColumnUse::Written,
            ..
        })
    ));

    world.sql("alter table clients add column email text").await;
    let nobody = soon(async || {
        world
            .database
            .subjects(&world.repositories[0], &equal("email", "a@b"))
            .await
    })
    .await;
    assert!(nobody.is_empty());
    let outcome = soon(async || world.execute(update.clone()).await).await;
    assert_eq!(outcome.body, r#"[{"email":"a@b"}]"#);
    assert_eq!(
        world
            .found(Find {
                filter: equal("id", "1"),
                ..Find::default()
            })
            .await
            .matches("email")
            .count(),
        1
    );

    world.sql("alter table clients drop column email").await;
    soon(async || match world.execute(find()).await {
        Err(Error::UnknownColumn { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(outcome) => panic!("{outcome:?}"),
    })
    .await;
}

#[tokio::test]
async fn a_column_that_changes_its_type_is_written_and_compared_as_the_new_one() {
    let world = World::clients().await;
    let find = || {
        Request::Find(Find {
            select: columns(&["id"]),
            filter: equal("visits", "5"),
            ..Find::default()
        })
    };
    assert_eq!(world.execute(find()).await.unwrap().body, r#"[{"id":2}]"#);
    world
        .sql("alter table clients alter column visits drop default, alter column visits type text")
        .await;
    assert_eq!(soon(async || world.execute(find()).await).await.body, r#"[{"id":2}]"#);
}

/// A type before and after `alter table`, and a value that only the second type keeps whole, as JSON and as text.
const WIDENED: [(&str, &str, &str, &str); 6] = [
    (
        "date",
        "timestamptz",
        r#""2024-05-01T10:11:12+00:00""#,
        "2024-05-01T10:11:12+00:00",
    ),
    ("real", "double precision", "0.123456789012", "0.123456789012"),
    ("integer", "bigint", "9007199254740993", "9007199254740993"),
    ("integer", "numeric", "1.5", "1.5"),
    ("bpchar", "text", r#""ab ""#, "ab "),
    ("mood", "text", r#""neither""#, "neither"),
];

#[tokio::test]
async fn values_are_written_and_compared_as_the_type_that_a_column_has_by_then() {
    for (before, after, json, text) in WIDENED {
        let script = format!("create type mood as enum ('glad'); create table events (id int primary key, v {before})");
        let world = World::new(&script, vec![repository("events", &["id"], Some("v"))]).await;
        let row = format!(r#"[{{"id":1,"v":{json}}}]"#);
        let filter = || equal("v", text);
        let sent = insert(&row, &["id", "v"]);
        let upsert = Insert {
            conflict: Some(Conflict {
                columns: vec![],
                resolution: Resolution::Merge,
            }),
            ..sent.clone()
        };
        let update = Update {
            change: rows(&format!(r#"[{{"v":{json}}}]"#), &["v"]),
            filter: equal("id", "1"),
            returning: representation(&[]),
        };
        let find = Find {
            filter: filter(),
            ..Find::default()
        };
        let single = Find {
            single: true,
            ..find.clone()
        };
        let delete = Delete {
            filter: compare("v", Operator::In, Operand::List(vec![text.into()])),
            returning: representation(&[]),
        };
        for (request, there) in [
            (Request::Insert(sent), "delete from events"),
            (Request::Insert(upsert), "update events set v = null"),
            (Request::Update(update), "update events set v = null"),
            (Request::Find(find), "select"),
            (Request::Find(single), "select"),
            (Request::Delete(delete), "select"),
        ] {
            let known = format!("alter table events alter v type {before} using null");
            let widened = format!("alter table events alter v type {after} using v::text::{after}; {there}");
            let found = matches!(request, Request::Find(_) | Request::Delete(_));
            let place = if found {
                format!("insert into events values (1, '{text}') on conflict (id) do update set v = excluded.v")
            } else {
                "select".into()
            };
            world.sql(&known).await;
            world.database.refresh_schema().await.unwrap();
            world.sql(&format!("{widened}; {place}")).await;
            let single = matches!(&request, Request::Find(find) if find.single);
            let answer = world
                .execute(request)
                .await
                .unwrap_or_else(|error| panic!("{before}: {error:?}"));
            let expected = row.trim_matches(if single { &['[', ']'][..] } else { &[] });
            assert_eq!(answer.body, expected, "{before} to {after}, {:?}", answer.rows);
        }
        world
            .sql(&format!(
                "insert into events values (1, '{text}'); alter table events alter v type text using '{text}'"
            ))
            .await;
        let subjects = world.database.subjects(&world.repositories[0], &filter()).await;
        assert_eq!(subjects.unwrap(), [Some(text.to_owned())]);
    }
}

#[tokio::test]
async fn a_transaction_that_meets_a_changed_type_does_nothing_and_goes_well_when_it_is_done_again() {
    let world = World::new(
        "create table events (id int primary key, v date)",
        vec![repository("events", &["id"], None)],
    )
    .await;
    world.database.refresh_schema().await.unwrap();
    world.sql("alter table events alter v type timestamptz").await;
    let row = r#"[{"id":1,"v":"2024-05-01T10:11:12+00:00"}]"#;
    let request = Request::Insert(insert(row, &["id", "v"]));
    let entries = [Entry::Request(&world.repositories[0], Cow::Borrowed(&request))];
    let transact = async || {
        let isolation = Isolation::default();
        world.database.execute_all(&entries, isolation, Epoch::FIRST).await
    };
    let Err(Undone { at, why }) = transact().await else {
        panic!("the type has changed");
    };
    assert_eq!(at, Some(0));
    assert!(matches!(why, Why::Failed(Error::Outdated { .. })));

    let Ok(written) = transact().await else {
        panic!("the tables were read again");
    };
    assert_eq!(written[0].body, row);
}

#[tokio::test]
async fn columns_of_every_kind_of_type_pass_the_check_of_their_types() {
    let script = r#"create schema "Other"; create domain "Other"."Short" as text check (length(value) < 9) not null;
        create domain numbers as int[]; create type pair as (a int, b text); create type mood as enum ('glad');
        create table kinds (id int primary key, a "Other"."Short", b numbers, c pair, d mood[], e json, f bit(3),
            g varbit, h "char", i int2vector, j interval, k int4range, l point, m xml, n name, o money, p pair[])"#;
    let world = World::new(script, vec![repository("kinds", &["id"], None)]).await;
    let row = r#"[{"id":1,"a":"x","b":[1],"c":{"a":1,"b":"x"},"d":["glad"],"e":{"a":1},"f":"101","g":"1","h":"c","i":"1 2",
        "j":"1 day","k":"[1,2)","l":"(1,2)","m":"<a/>","n":"n","o":"1.5","p":[{"a":1,"b":"y"}]}]"#;
    let columns = "id a b c d e f g h i j k l m n o p".split(' ').collect::<Vec<_>>();
    let written = world.execute(Request::Insert(insert(row, &columns))).await.unwrap();
    assert_eq!(written.rows, 1);
    for (column, value) in [
        ("a", "x"),
        ("b", "{1}"),
        ("c", "(1,x)"),
        ("d", "{glad}"),
        ("f", "101"),
        ("p", r#"{"(1,y)"}"#),
    ] {
        let find = Find {
            filter: equal(column, value),
            ..Find::default()
        };
        assert_eq!(world.execute(Request::Find(find)).await.unwrap().rows, 1, "{column}");
    }
}

#[tokio::test]
async fn a_table_that_is_missing_is_named_and_seen_once_it_is_there() {
    let world = World::new("select", vec![repository("later", &["id"], None)]).await;
    let refused = world.execute(Request::Find(Find::default())).await;
    assert!(
        matches!(&refused, Err(Error::UnknownTable { table, .. }) if table == "public.later"),
        "{refused:?}"
    );
    world.sql("create table later (id int primary key)").await;
    soon(async || world.execute(Request::Insert(insert(r#"[{"id":1}]"#, &["id"]))).await).await;
}

#[tokio::test]
async fn the_schema_names_types_keys_and_what_the_database_fills_in() {
    let script = "create table things (
            a int generated always as identity primary key, b varchar(10) not null default 'x', c char(3),
            d numeric(12, 2), e int generated always as (1) stored, f timestamptz(3)[], g text,
            unique (b, c), unique (g) deferrable);
        create unique index on things (g) where a > 0;
        create unique index on things (lower(g));
        create unique index on things (d) include (e)";
    let world = World::new(script, vec![repository("things", &["a"], None)]).await;
    let schema = world.database.schema().await.unwrap();
    let table = schema.table(&world.repositories[0]).unwrap();
    let types: Vec<_> = table.columns.iter().map(|column| column.type_name.as_str()).collect();
    let expected = [
        "integer",
        "character varying",
        "bpchar",
        "numeric",
        "integer",
        "timestamp with time zone[]",
        "text",
    ];
    assert_eq!(types, expected);
    assert_eq!(table.primary_key, ["a"]);
    assert_eq!(table.unique_keys, [vec!["a"], vec!["b", "c"], vec!["d"]]);
    assert_eq!(table.columns[0].generated, Generated::IdentityAlways);
    assert_eq!(table.columns[1].default.as_deref(), Some("'x'::character varying"));
    assert!(table.columns[1].not_null);
    assert_eq!(table.columns[4].generated, Generated::Stored);
}

#[tokio::test]
async fn a_check_says_in_words_what_does_not_fit() {
    let script = "create table good (a int, b int, primary key (a, b)); create table odd (id int not null, phone text)";
    let named = |place, repository| Repository {
        id: RepositoryId(place),
        ..repository
    };
    let world = World::new(
        script,
        vec![
            repository("good", &["b", "a"], None),
            named(1, repository("odd", &["id"], Some("phone"))),
            named(2, repository("odd", &["id"], Some("mobile"))),
            named(3, repository("missing", &["id"], None)),
        ],
    )
    .await;
    let problems = world.database.check().await.unwrap();
    assert_eq!(
        problems,
        [
            "table public.odd of backend old has no primary key or unique constraint on exactly (id), where an index that is \
             partial, deferrable or over expressions does not count; add one, or correct the repository's key",
            "table public.odd of backend old has no column mobile",
            "backend old has no table public.missing; create it, or remove the repository",
        ]
    );
}
