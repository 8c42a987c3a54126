use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use turnout_backends::{Database, Error, Settings};
use turnout_cluster::{Cluster, Options};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, Epoch, Find, Outcome, Repository, Request};

use crate::world::{CLIENTS, World, equal, insert, repository, run, sqlstate};

const ACQUIRE: Duration = Duration::from_secs(4);

/// A cluster of its own, which the test may stop.
async fn own_cluster() -> (Cluster, Database, Arc<[Repository]>) {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    run(cluster.url(), CLIENTS).await;
    let repositories: Arc<[Repository]> = vec![repository("clients", &["id"], Some("phone"))].into();
    let settings = Settings {
        max_connections: 4,
        acquire_timeout: ACQUIRE,
        ..Settings::new(cluster.url())
    };
    let database = Database::open(Backend::New, settings, Arc::clone(&repositories), &Supervisor::new()).unwrap();
    (cluster, database, repositories)
}

fn lookup() -> Request {
    Request::Find(Find {
        filter: equal("phone", "89000000001"),
        ..Find::default()
    })
}

/// One more client, without a phone.
fn another(name: &str) -> Request {
    Request::Insert(insert(&format!(r#"[{{"name":"{name}"}}]"#), &["name"]))
}

/// Runs more reads at once than the pool may hold connections.
async fn many(database: &Database, repository: &Repository) -> Vec<Result<Outcome, Error>> {
    let request = lookup();
    join_all((0..16).map(|_| database.execute(repository, &request, Epoch::FIRST))).await
}

/// Waits until the backend counts as up, or as down.
async fn until(database: &Database, up: bool) {
    let began = Instant::now();
    while database.health().up != up {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "the backend does not come to count as up = {up}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_dead_backend_fails_within_the_acquire_timeout_then_at_once_and_recovers_by_itself() {
    let (mut cluster, database, repositories) = own_cluster().await;
    assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));
    assert!(database.health().up && database.health().p95 > Duration::ZERO);

    cluster.kill().await.unwrap();
    let began = Instant::now();
    for refused in many(&database, &repositories[0]).await {
        assert!(
            matches!(
                refused,
                Err(Error::Unavailable {
                    backend: Backend::New,
                    in_doubt: false,
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    assert!(began.elapsed() < ACQUIRE, "{:?}", began.elapsed());
    assert!(!database.health().up);
    let began = Instant::now();
    assert!(
        database
            .execute(&repositories[0], &lookup(), Epoch::FIRST)
            .await
            .is_err()
    );
    assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());

    cluster.restart().await.unwrap();
    until(&database, true).await;
    assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_backend_that_was_never_there_fails_within_the_acquire_timeout() {
    let (mut cluster, _, repositories) = own_cluster().await;
    cluster.stop().await.unwrap();
    let settings = Settings {
        max_connections: 4,
        acquire_timeout: ACQUIRE,
        ..Settings::new(cluster.url())
    };
    let database = Database::open(Backend::Old, settings, Arc::clone(&repositories), &Supervisor::new()).unwrap();
    let began = Instant::now();
    let refused = database.execute(&repositories[0], &lookup(), Epoch::FIRST).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert!(
        began.elapsed() < ACQUIRE + Duration::from_millis(100),
        "{:?}",
        began.elapsed()
    );
    cluster.restart().await.unwrap();
    until(&database, true).await;
    assert_eq!(
        database
            .execute(&repositories[0], &lookup(), Epoch::FIRST)
            .await
            .unwrap()
            .rows,
        1
    );
}

#[tokio::test]
async fn connections_from_before_a_restart_cost_no_failed_read() {
    let (mut cluster, database, repositories) = own_cluster().await;
    for _ in 0..3 {
        assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));
        cluster.restart().await.unwrap();
        // The watch may have looked in the midst of it.
        until(&database, true).await;
        for answer in many(&database, &repositories[0]).await {
            assert_eq!(answer.unwrap().rows, 1);
        }
    }
}

#[tokio::test]
async fn ended_sessions_cost_at_most_one_write_and_no_read() {
    let world = World::clients().await;
    let repository = &world.repositories[0];
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'turnout' and datname = current_database()";
    assert!(many(&world.database, repository).await.iter().all(Result::is_ok));
    world.sql(end).await;
    assert!(many(&world.database, repository).await.iter().all(Result::is_ok));

    world.sql(end).await;
    let write = Request::Insert(insert(r#"[{"name":"x"}]"#, &["name"]));
    let first = world.database.execute(repository, &write, Epoch::FIRST).await;
    assert!(
        matches!(first, Err(Error::Unavailable { in_doubt: true, .. })),
        "{first:?}"
    );
    for _ in 0..16 {
        world.database.execute(repository, &write, Epoch::FIRST).await.unwrap();
    }
    assert!(world.database.health().up);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_database() {
    let world = World::new(
        "create table slow (id int primary key);
        create view sleepy as select 1 as id from pg_sleep(30)",
        vec![repository("sleepy", &["id"], None)],
    )
    .await;
    let settings = Settings {
        statement_timeout: Duration::from_millis(100),
        ..Settings::new(&world.url)
    };
    let database = Database::open(
        Backend::Old,
        settings,
        Arc::clone(&world.repositories),
        &Supervisor::new(),
    )
    .unwrap();
    let began = Instant::now();
    let refused = database
        .execute(&world.repositories[0], &Request::Find(Find::default()), Epoch::FIRST)
        .await;
    assert_eq!(sqlstate(refused), "57014");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(database.health().up);
}

#[tokio::test]
async fn a_backend_whose_connections_are_all_busy_is_exhausted_but_up() {
    let world = World::new(
        "create view sleepy as select 1 as id from pg_sleep(4)",
        vec![repository("sleepy", &["id"], None)],
    )
    .await;
    let settings = Settings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(2),
        ..Settings::new(&world.url)
    };
    let database = Database::open(
        Backend::Old,
        settings,
        Arc::clone(&world.repositories),
        &Supervisor::new(),
    )
    .unwrap();
    database.schema().await.unwrap();
    let request = Request::Find(Find::default());
    let answers = join_all((0..5).map(|_| database.execute(&world.repositories[0], &request, Epoch::FIRST))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    let exhausted = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Error::Exhausted { .. })))
        .count();
    assert_eq!(exhausted, 3, "{answers:?}");
    assert!(database.health().up);
}

#[tokio::test]
async fn a_frozen_backend_is_given_up() {
    let (cluster, _, repositories) = own_cluster().await;
    let settings = Settings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_millis(300),
        ..Settings::new(cluster.url())
    };
    let database = Database::open(Backend::New, settings, Arc::clone(&repositories), &Supervisor::new()).unwrap();
    assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));
    signal_all(&cluster, "STOP");
    let began = Instant::now();
    for answer in many(&database, &repositories[0]).await {
        let given_up = matches!(answer, Err(Error::Unavailable { .. } | Error::Exhausted { .. }));
        assert!(given_up, "{answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    until(&database, false).await;
    for answer in many(&database, &repositories[0]).await {
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    }
    signal_all(&cluster, "CONT");
    until(&database, true).await;
    assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn only_a_url_that_can_never_work_is_refused_at_once() {
    for url in ["mysql://localhost/x", "postgres://user:secret@host:notaport/x", ""] {
        let refused = Database::open(Backend::Old, Settings::new(url), Arc::from([]), &Supervisor::new());
        let Err(error @ Error::Url { .. }) = refused else {
            panic!("{url}")
        };
        assert!(!error.to_string().contains("secret"));
    }
}

/// Signals the server and every session of it.
fn signal_all(cluster: &Cluster, signal: &str) {
    let server = cluster.process().unwrap();
    let sessions = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
    let command = format!("kill -{signal} {server} {sessions}");
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &command])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn sessions_that_keep_an_old_read_only_default_are_replaced_at_once() {
    let (cluster, database, repositories) = own_cluster().await;
    let write = async |name: &str| database.execute(&repositories[0], &another(name), Epoch::FIRST).await;
    write("before").await.unwrap();
    // The other database of the cluster stays writable.
    let other = format!("{}/template1", cluster.url().rsplit_once('/').unwrap().0);
    run(&other, "alter database postgres set default_transaction_read_only = on").await;
    run(
        &other,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'",
    )
    .await;
    let refused = loop {
        match write("while read-only").await {
            Err(Error::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            other => break other,
        }
    };
    assert!(
        matches!(&refused, Err(Error::NotReady { sqlstate, .. }) if sqlstate == "25006"),
        "{refused:?}"
    );
    assert_eq!(database.condition(), Some("is read-only"));
    assert!(many(&database, &repositories[0]).await.iter().all(Result::is_ok));

    run(&other, "alter database postgres reset default_transaction_read_only").await;
    write("after").await.unwrap();
    assert_eq!(database.condition(), None);
}

#[tokio::test]
async fn a_statement_that_others_got_in_the_way_of_is_tried_again() {
    let world = World::clients().await;
    world
        .sql(
            "create sequence attempts;
             create function meet() returns trigger language plpgsql as $$
             begin
                 if nextval('attempts') < 3 then
                     raise exception 'could not serialize access' using errcode = tg_argv[0];
                 end if;
                 return new;
             end $$;",
        )
        .await;
    for sqlstate in ["40001", "40P01"] {
        world
            .sql(&format!(
                "create or replace trigger meet before insert on clients for each row execute function meet('{sqlstate}');
                 alter sequence attempts restart;"
            ))
            .await;
        assert_eq!(world.execute(another("met")).await.unwrap().rows, 1);
    }
}

#[tokio::test]
async fn an_acknowledged_write_survives_a_crash_of_a_role_that_commits_asynchronously() {
    let (mut cluster, database, repositories) = own_cluster().await;
    drop(database);
    // The server writes its log behind commits as late as it can, so that a commit which does not wait is lost.
    for setting in [
        "alter role postgres set synchronous_commit = off",
        "alter system set wal_writer_delay = '10s'",
        "alter system set wal_writer_flush_after = '1GB'",
        "select pg_reload_conf()",
    ] {
        run(cluster.url(), setting).await;
    }
    let database = Database::open(
        Backend::New,
        Settings::new(cluster.url()),
        Arc::clone(&repositories),
        &Supervisor::new(),
    )
    .unwrap();
    let names: Vec<_> = (0..40).map(|number| format!("row {number}")).collect();
    let requests: Vec<_> = names.iter().map(|name| another(name)).collect();
    let written = join_all(
        requests
            .iter()
            .map(|request| database.execute(&repositories[0], request, Epoch::FIRST)),
    )
    .await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    cluster.kill().await.unwrap();
    cluster.restart().await.unwrap();
    until(&database, true).await;
    let all = Request::Find(Find::default());
    let found = database
        .execute(&repositories[0], &all, Epoch::FIRST)
        .await
        .unwrap()
        .body;
    for name in names {
        assert!(found.contains(&format!("\"{name}\"")), "{name} is lost");
    }
}
