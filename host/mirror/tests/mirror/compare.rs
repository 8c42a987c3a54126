//! Both sides are compared in small steps, and what differs is marked on its authority.

use std::sync::Arc;
use std::time::Duration;

use turnout_backends::{Database, Settings};
use turnout_mirror::Comparing;
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
    let whole = backends
        .old
        .digest(&world.repositories[0], &["id".into(), "name".into()], 1, 0..u64::MAX)
        .await;
    assert!(whole.is_err(), "the whole table fits into one statement: {whole:?}");
    let comparing = Comparing::default();
    let compared = turnout_mirror::compare(&backends, &world.repositories[0], Epoch::FIRST, &comparing, |_| {
        Some(Backend::Old)
    });
    let compared = compared.await.unwrap();
    assert_eq!((compared.rows, compared.marked), (60_000, 2));
    for backend in Backend::ALL {
        let looked = comparing.on(backend);
        assert!(looked.rows > 0 && looked.rows == looked.of_about, "{looked:?}");
    }
    assert!(comparing.is_second_look());
}

#[tokio::test]
async fn a_row_under_two_subjects_of_one_authority_is_marked_with_both() {
    let world = World::differing(
        &format!("{CLIENTS} insert into clients values (1, 'one', 'x'), (2, 'two', 'x'), (3, 'off', 'x')"),
        &format!("{CLIENTS} insert into clients values (1, 'three', 'x'), (2, 'off', 'x'), (4, 'four', 'x')"),
        &[T],
    )
    .await;
    let comparing = Comparing::default();
    let compared = turnout_mirror::compare(
        &world.backends,
        &world.repositories[0],
        Epoch::FIRST,
        &comparing,
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
    let differing = turnout_mirror::differing(&world.backends, &world.repositories[0], |_| true)
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
    let comparing = Comparing::default();
    let compared = turnout_mirror::compare(
        &world.backends,
        &world.repositories[0],
        Epoch::FIRST,
        &comparing,
        |_| Some(Backend::Old),
    );
    assert_eq!(compared.await.unwrap().marked, 1);
}
