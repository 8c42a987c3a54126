use std::time::{Duration, Instant};

use turnout_backends::{Error, Generated, Place};
use turnout_vocabulary::{Find, Repository, RepositoryId, Request, Update};

use crate::world::{World, columns, equal, insert, repository, representation, rows};

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
        matches!(&refused, Err(Error::UnknownColumn { column, place: Place::Read, .. }) if column == "email"),
        "{refused:?}"
    );
    let refused = world.execute(update.clone()).await;
    assert!(matches!(
        refused,
        Err(Error::UnknownColumn {
            place: Place::Written,
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
