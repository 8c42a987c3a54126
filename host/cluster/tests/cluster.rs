//! Clusters as the demo and the tests use them.

use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use turnout_cluster::{Cluster, ClusterError, Options, dataset};

async fn numbers(url: &str, query: &'static str) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(query)
        .fetch_all(&mut PgConnection::connect(url).await?)
        .await
}

async fn text(url: &str, query: &'static str) -> sqlx::Result<String> {
    sqlx::query_scalar(query)
        .fetch_one(&mut PgConnection::connect(url).await?)
        .await
}

/// Whether a process is there, and more than a body to be buried.
fn lives(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn two_clusters_hold_the_same_bookings_and_leave_nothing_behind() {
    let (old, new) = tokio::try_join!(Cluster::start(Options::default()), Cluster::start(Options::default())).unwrap();
    tokio::try_join!(dataset::load(old.url()), dataset::load(new.url())).unwrap();

    let counts = "SELECT (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || name, true, true, '')))[1]::text::bigint
                  FROM unnest('{companies,clients,services,staff,staff_schedules,dialog_contexts,bookings}'::text[]) AS name";
    assert_eq!(
        numbers(old.url(), counts).await.unwrap(),
        [1, 1299, 24, 8, 960, 433, 2598]
    );

    let digest = "SELECT md5(schema_to_xml('public', true, true, '')::text)";
    assert_eq!(
        text(old.url(), digest).await.unwrap(),
        text(new.url(), digest).await.unwrap()
    );

    let test_client = numbers(old.url(), "SELECT id::bigint FROM clients WHERE phone = '89686484488'")
        .await
        .unwrap();
    assert_eq!(test_client, [1]);

    let (folder, process) = (old.folder().to_owned(), old.process().unwrap().to_string());
    assert!(folder.exists() && lives(&process));
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may read what the servers log");
    drop(old);
    assert!(!folder.exists() && !lives(&process));
}

#[tokio::test]
async fn rows_added_to_the_bookings_get_the_next_ids() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    dataset::load(cluster.url()).await.unwrap();
    let add = "INSERT INTO clients (yclients_id, company_id, phone, name) VALUES (1, 1, '1', 'x') RETURNING id::bigint";
    assert_eq!(numbers(cluster.url(), add).await.unwrap(), [1300]);
}

#[tokio::test]
async fn the_bookings_are_not_loaded_over_others() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    dataset::load(cluster.url()).await.unwrap();
    let error = dataset::load(cluster.url()).await.unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
}

#[tokio::test]
async fn committed_rows_outlive_a_crash_and_a_clean_stop() {
    let mut cluster = Cluster::start(Options {
        durable: true,
        ..Options::default()
    })
    .await
    .unwrap();
    let url = cluster.url().to_owned();
    let make = "CREATE TABLE t AS SELECT 7::bigint AS n; SELECT n FROM t";
    sqlx::raw_sql(make)
        .execute(&mut PgConnection::connect(&url).await.unwrap())
        .await
        .unwrap();

    cluster.kill().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());
    assert_eq!(cluster.process(), None);
    cluster.restart().await.unwrap();
    assert_eq!(numbers(&url, "SELECT n FROM t").await.unwrap(), [7]);

    cluster.stop().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());
    cluster.restart().await.unwrap();
    assert_eq!(numbers(&url, "SELECT n FROM t").await.unwrap(), [7]);
    assert_eq!(text(&url, "SHOW fsync").await.unwrap(), "on");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let wrong = cluster.url().replace("//postgres:", "//postgres:x");
    let error = PgConnection::connect(&wrong).await.unwrap_err();
    assert!(error.to_string().contains("password authentication failed"), "{error}");
}

#[tokio::test]
async fn a_folder_without_postgresql_is_named() {
    let options = Options {
        binaries: Some(PathBuf::from("/nowhere")),
        ..Options::default()
    };
    let error = Cluster::start(options).await.err().unwrap();
    assert!(matches!(error, ClusterError::NotThere { .. }));
    assert!(error.to_string().starts_with("/nowhere does not hold"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_log() {
    let mut cluster = Cluster::start(Options::default()).await.unwrap();
    cluster.stop().await.unwrap();
    std::fs::remove_file(cluster.folder().join("data/global/pg_control")).unwrap();
    let error = cluster.restart().await.unwrap_err();
    assert!(error.to_string().contains("pg_control"), "{error}");
}

#[tokio::test]
async fn a_killed_owner_leaves_nothing_behind() {
    const OWNER: &str = "TURNOUT_TEST_OWNER";
    if std::env::var_os(OWNER).is_some() {
        // This is the second process, the one to be killed.
        let cluster = Cluster::start(Options::default()).await.unwrap();
        writeln!(
            stdout(),
            "\ncluster {} {}",
            cluster.folder().display(),
            cluster.process().unwrap()
        )
        .unwrap();
        stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_owner_leaves_nothing_behind", "--nocapture"])
        .env(OWNER, "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let cluster = said
        .find_map(|line| line.strip_prefix("cluster ").map(str::to_owned))
        .unwrap();
    let (folder, process) = cluster.split_once(' ').unwrap();
    assert!(Path::new(folder).exists() && lives(process));

    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the end of the server", || !lives(process)).await;
    eventually("the removal of the folder", || !Path::new(folder).exists()).await;
}
