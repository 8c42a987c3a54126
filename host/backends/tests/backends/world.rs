//! One database for each test, and short words for operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::sync::OnceCell;
use turnout_backends::{Database, Error, Settings};
use turnout_cluster::{Cluster, Options};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{
    Backend, Column, Comparison, Epoch, Filter, Find, Insert, Operand, Operator, Outcome, Repository, RepositoryId,
    Request, Returning, Rows, Selected,
};

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static DATABASES: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) database: Database,
    pub(crate) repositories: Arc<[Repository]>,
}

impl World {
    /// A new database on the cluster that all tests share, set up by `script`.
    pub(crate) async fn new(script: &str, repositories: Vec<Repository>) -> Self {
        let cluster = CLUSTER
            .get_or_init(async || Cluster::start(Options::default()).await.unwrap())
            .await;
        let name = format!("world_{}", DATABASES.fetch_add(1, Relaxed));
        run(cluster.url(), &format!("create database {name}")).await;
        let url = cluster
            .url()
            .replace("/postgres", &format!("/{name}"))
            .replace(&format!("{name}:"), "postgres:");
        run(&url, script).await;
        let repositories: Arc<[Repository]> = repositories.into();
        let settings = Settings {
            max_connections: 4,
            acquire_timeout: Duration::from_secs(20),
            ..Settings::new(&url)
        };
        let database = Database::open(Backend::Old, settings, Arc::clone(&repositories), &Supervisor::new()).unwrap();
        Self {
            url,
            database,
            repositories,
        }
    }

    /// Clients: number, phone, name.
    pub(crate) async fn clients() -> Self {
        Self::new(CLIENTS, vec![repository("clients", &["id"], Some("phone"))]).await
    }

    pub(crate) async fn execute(&self, request: impl Into<Request>) -> Result<Outcome, Error> {
        self.database
            .execute(&self.repositories[0], &request.into(), Epoch::FIRST)
            .await
    }

    /// The body of what a find answers.
    pub(crate) async fn found(&self, find: Find) -> String {
        self.execute(Request::Find(find)).await.unwrap().body
    }

    pub(crate) async fn sql(&self, script: &str) {
        run(&self.url, script).await;
    }
}

pub(crate) const CLIENTS: &str = "
    create table clients (id serial primary key, phone text unique, name text, visits int not null default 0, vip boolean);
    insert into clients (phone, name, visits, vip) values
        ('89000000001', 'Anna', 1, true), ('89000000002', 'Boris', 5, false),
        ('89000000003', 'anton', 3, null), (null, null, 0, true);";

pub(crate) async fn run(url: &str, script: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(crate) fn repository(name: &str, key: &[&str], subject: Option<&str>) -> Repository {
    Repository {
        id: RepositoryId(0),
        name: name.into(),
        table: name.into(),
        schema: "public".into(),
        key: key.iter().copied().map(Into::into).collect(),
        subject: subject.map(Into::into),
        compared: vec![],
    }
}

pub(crate) fn compare(column: &str, operator: Operator, operand: Operand) -> Filter {
    Filter::Compare(Comparison {
        field: column.into(),
        operator,
        operand,
    })
}

pub(crate) fn equal(column: &str, value: &str) -> Filter {
    compare(column, Operator::Eq, Operand::Value(value.into()))
}

/// These columns; without a name every column.
pub(crate) fn columns(names: &[&str]) -> Vec<Selected> {
    if names.is_empty() {
        return vec![Selected::Every];
    }
    let column = |name: &&str| {
        Selected::Column(Column {
            field: (*name).into(),
            alias: None,
            cast: None,
            aggregate: None,
        })
    };
    names.iter().map(column).collect()
}

pub(crate) fn rows(json: &str, columns: &[&str]) -> Rows {
    Rows {
        json: json.into(),
        columns: columns.iter().copied().map(Into::into).collect(),
        ..Rows::default()
    }
}

pub(crate) fn insert(json: &str, columns: &[&str]) -> Insert {
    Insert {
        rows: rows(json, columns),
        conflict: None,
        keyed: None,
        returning: representation(&[]),
    }
}

pub(crate) fn representation(names: &[&str]) -> Returning {
    Returning {
        rows: Some(columns(names)),
        ..Returning::default()
    }
}

/// The SQLSTATE of an error of PostgreSQL.
pub(crate) fn sqlstate(outcome: Result<Outcome, Error>) -> String {
    match outcome {
        Err(Error::Database(error)) => error.sqlstate,
        other => panic!("expected an error of PostgreSQL, got {other:?}"),
    }
}
