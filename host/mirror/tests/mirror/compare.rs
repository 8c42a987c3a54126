//! Both sides are compared in small steps, and what differs is marked on its authority.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use turnout_backends::{Database, KeyRange, Settings};
use turnout_compare::{Columns, Digest, Load, Progress, Suspects, Verdict, Walk};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, Epoch, PerBackend};

use crate::world::{CLIENTS, T, Table, World};

#[tokio::test]
async fn a_table_is_compared_that_takes_longer_than_a_statement_may() {
    const ROWS: &str = "create table t (id int primary key, name text);
        insert into t select n, repeat(md5(n::text), 30) from generate_series(1, 60000) as n;";
    let world = World::differing(
        ROWS,
        &format!("{ROWS} delete from t where id = 7; update t set name = 'other' where id = 40000"),
        &[Table::called("t")],
    )
    .await;
    let backends = PerBackend::from_fn(|backend| {
        let settings = Settings {
            statement_timeout: Duration::from_millis(150),
            acquire_timeout: Duration::from_secs(20),
            ..Settings::new(&world.urls[backend])
        };
        Database::open(backend, settings, Arc::clone(&world.repositories), &Supervisor::new()).unwrap()
    });
    let whole = KeyRange {
        columns: &["id".into(), "name".into()],
        key: &["id".into()],
        low: None,
        high: None,
        parts: 1,
    };
    let whole = backends.old.digest(&world.repositories[0], whole, None).await;
    assert!(whole.is_err(), "the whole table fits into one statement");
    let progress = Progress::default();
    let compared = turnout_compare::compare(&backends, &world.repositories[0], Epoch::FIRST, &progress, |_| {
        Some(Backend::Old)
    });
    let compared = compared.await.unwrap();
    assert_eq!((compared.rows, compared.marked), (60_000, 2));
    assert_eq!(progress.on(Backend::Old).rows, 60_000);
    assert_eq!(progress.on(Backend::New).rows, 59_999);
}

#[tokio::test]
async fn a_row_under_two_subjects_of_one_authority_is_marked_with_both() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients values (1, 'one', 'x'), (2, 'two', 'x'), (3, 'off', 'x')"),
        &format!("{CLIENTS} insert into clients values (1, 'three', 'x'), (2, 'off', 'x'), (4, 'four', 'x')"),
        &[T],
    )
    .await;
    let progress = Progress::default();
    let compared = turnout_compare::compare(
        &world.backends,
        &world.repositories[0],
        Epoch::FIRST,
        &progress,
        |subject| (subject != Some("off")).then_some(Backend::Old),
    );
    assert_eq!(compared.await.unwrap().marked, 4);
    assert_eq!(
        world.dirty().await,
        [
            r#"{"id":1} one 1"#,
            r#"{"id":1} three 1"#,
            r#"{"id":2} two 1"#,
            r#"{"id":4} four 1"#
        ]
    );
}

#[tokio::test]
async fn columns_that_one_side_alone_has_are_named() {
    let world = World::differing(
        &format!("{CLIENTS} alter table clients add extra text"),
        &format!(
            "{CLIENTS} alter table clients add more text, add computed text generated always as (upper(name)) stored"
        ),
        &[T],
    )
    .await;
    let differing = turnout_compare::differing(&world.backends, &world.repositories[0], |_| true)
        .await
        .unwrap();
    assert_eq!(
        (differing.rows, differing.missing_columns),
        (0, vec!["computed".into(), "extra".into(), "more".into()])
    );
}

#[tokio::test]
async fn rows_run_the_applications_code_with_its_own_search_path() {
    const SCHEMA: &str = "create function plain(text) returns boolean language sql immutable as $$ select $1 <> '' $$;
        create function named(text) returns boolean language plpgsql immutable as $$ begin return plain($1); end $$;
        create domain name as text check (named(value));
        create table t (id int primary key, n name);";
    let world = World::differing(
        &format!("{SCHEMA} insert into t values (1, 'x')"),
        SCHEMA,
        &[Table::called("t")],
    )
    .await;
    let progress = Progress::default();
    let compared = turnout_compare::compare(&world.backends, &world.repositories[0], Epoch::FIRST, &progress, |_| {
        Some(Backend::Old)
    });
    assert_eq!(compared.await.unwrap().marked, 1);
}

/// A table by the type of its key, with rows that differ in all ways.
async fn finds_what_was_planted(key: &str, columns: &'static [&'static str], value: &str) {
    let create = format!(
        "create table t ({key}, name text, amount numeric, primary key ({}));",
        columns.join(", ")
    );
    let fill = format!("insert into t select {value}, 'row ' || n, n * 1.50 from generate_series(1, 5000) as n;");
    let row = |n: u32| {
        let values = value.replace(" n ", &format!(" {n} "));
        format!("({}) = ({values})", columns.join(", "))
    };
    let plant = format!(
        "delete from t where {first}; delete from t where {last}; update t set name = 'row 2500 ' where {middle};
         update t set amount = 1.5 * 1001.0000 where {scale}; update t set name = null where {null};
         insert into t values ({extra}, 'extra', 0);",
        first = row(1),
        last = row(5000),
        middle = row(2500),
        scale = row(1001),
        null = row(7),
        extra = value.replace(" n ", " 9000 "),
    );
    let table = Table {
        key: columns,
        ..Table::called("t")
    };
    let world = World::differing(
        &format!("{create} {fill}"),
        &format!("{create} {fill} {plant}"),
        &[table],
    )
    .await;
    let repository = &world.repositories[0];
    let columns = Columns::of(&world.backends, repository).await.unwrap();
    let progress = Progress::default();
    let mut walk = Walk::begin(&world.backends, repository, &columns, None, Load::FULL, &progress)
        .await
        .unwrap();
    let (mut equal, mut keys, mut equal_at_all) = (Digest::default(), HashSet::new(), 0);
    while let Some(step) = walk.step().await.unwrap() {
        equal.add(&step.equal);
        keys.extend(step.suspects.iter().map(|suspect| suspect.key().to_owned()));
        equal_at_all += 1;
    }
    assert!(equal_at_all > 0);
    assert_eq!((equal.rows, keys.len()), (4_995, 6), "{key}: {keys:?}");
    let mut suspects = Suspects::new(&world.backends, repository, &columns.common, Duration::ZERO);
    for key in &keys {
        suspects.add(key);
    }
    let findings = suspects.look().await.unwrap();
    assert_eq!(findings.len(), 6);
    for finding in findings {
        assert!(
            matches!(finding.verdict, Verdict::Diverged { held: None, .. }),
            "{finding:?}"
        );
    }
    assert!(suspects.is_empty());
}

#[tokio::test]
async fn planted_differences_are_found_whatever_the_key() {
    for (key, columns, value) in [
        ("id int", &["id"][..], " n "),
        ("id bigint", &["id"], " n ::bigint * 1000000007"),
        ("id uuid", &["id"], "md5( n ::text)::uuid"),
        (
            "at timestamptz",
            &["at"],
            "timestamptz '2024-03-31 00:30+00' + n * interval '1 minute 1 microsecond'",
        ),
        ("at date", &["at"], "date '2000-01-01' + n "),
        ("code bytea", &["code"], "decode(md5( n ::text), 'hex')"),
        ("code text", &["code"], "'Straße \" '' ' || n "),
        ("code char(9)", &["code"], " n ::text"),
        ("amount_id numeric", &["amount_id"], " n  / 4.0"),
        ("weight double precision", &["weight"], " n  / 3.0::double precision"),
        ("b int, a text", &["b", "a"], " n  % 7,  n ::text"),
    ] {
        finds_what_was_planted(key, columns, value).await;
    }
}

#[tokio::test]
async fn text_keys_in_different_collations_are_paired() {
    let create = |collation| format!("create table t (id text collate \"{collation}\" primary key, name text);");
    let fill =
        "insert into t select case n % 2 when 0 then 'a' else 'B' end || n, 'row' from generate_series(1, 3000) as n;";
    let world = World::differing(
        &format!("{} {fill}", create("C")),
        &format!(
            "{} {fill} delete from t where id = 'a10'; update t set name = '' where id = 'B11'; insert into t values ('é', 'x')",
            create("en-x-icu")
        ),
        &[Table::called("t")],
    )
    .await;
    let repository = &world.repositories[0];
    let order = |backend| world.backends[backend].key_order(repository);
    let (old, new) = tokio::try_join!(order(Backend::Old), order(Backend::New)).unwrap();
    assert_ne!(old, new, "the sides order their keys alike");
    let progress = Progress::default();
    let compared = turnout_compare::compare(&world.backends, repository, Epoch::FIRST, &progress, |_| {
        Some(Backend::Old)
    });
    let compared = compared.await.unwrap();
    assert_eq!((compared.rows, compared.marked), (3_001, 3));
}
