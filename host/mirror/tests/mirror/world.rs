//! Two databases for each test, installed, and a mirror between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::sync::OnceCell;
use turnout_backends::{Database, Installation, MirrorStanding, ParkedKey, Settings};
use turnout_cluster::{Cluster, Options};
use turnout_mirror::{Judge, Mirror};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, PerBackend, Repository, RepositoryId};

use crate::judge::OneSided;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// Two databases that are installed, and nothing that mirrors yet.
pub(crate) struct World {
    pub(crate) urls: PerBackend<String>,
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
}

impl World {
    /// Two new databases on the cluster that all tests share, both set up by `script`.
    pub(crate) async fn new(script: &str, tables: &[Table]) -> Self {
        Self::differing(script, script, tables).await
    }

    /// Each set up by a script of its own.
    pub(crate) async fn differing(old: &str, new: &str, tables: &[Table]) -> Self {
        let urls = databases().await;
        run(&urls.old, old).await;
        run(&urls.new, new).await;
        Self::installed(urls, tables).await
    }

    /// On these databases, which are set up already. Turnout connects as the role of the URLs.
    pub(crate) async fn installed(urls: PerBackend<String>, tables: &[Table]) -> Self {
        let repositories: Arc<[Repository]> = tables
            .iter()
            .enumerate()
            .map(|(number, table)| table.repository(number))
            .collect();
        let mut world = Self {
            backends: Arc::new(PerBackend::from_fn(|backend| open(backend, &urls, &repositories))),
            urls,
            repositories,
        };
        for backend in Backend::ALL {
            world.install(backend, false).await;
        }
        // As a host does that starts now, and finds it installed.
        world.backends = world.another_host().backends;
        world
    }

    /// Installs one side once more; what it remarks.
    pub(crate) async fn install(&self, backend: Backend, strict: bool) -> Vec<String> {
        let role = Settings::new(&self.urls[backend]).role().unwrap();
        let installation = Installation {
            backend,
            repositories: &self.repositories,
            role: &role,
            strict,
        };
        self.backends[backend].install(&installation, false).await.unwrap()
    }

    /// Mirrors what `old` has to `new`.
    pub(crate) fn mirror(&self) -> Mirror {
        self.mirror_as(OneSided::new(Backend::Old))
    }

    pub(crate) fn mirror_as(&self, judge: impl Judge) -> Mirror {
        let judge: Arc<dyn Judge> = Arc::new(judge);
        Mirror::start(&self.backends, &self.repositories, &judge, &Supervisor::new())
    }

    /// Other connections to the same databases: those of a second host.
    pub(crate) fn another_host(&self) -> Self {
        let backends = PerBackend::from_fn(|backend| open(backend, &self.urls, &self.repositories));
        Self {
            urls: self.urls.clone(),
            backends: Arc::new(backends),
            repositories: Arc::clone(&self.repositories),
        }
    }

    /// Runs a script as psql does.
    pub(crate) async fn on(&self, backend: Backend, script: &str) {
        run(&self.urls[backend], script).await;
    }

    /// The same on `old`.
    pub(crate) async fn old(&self, script: &str) {
        self.on(Backend::Old, script).await;
    }

    /// The same on `new`.
    pub(crate) async fn new_side(&self, script: &str) {
        self.on(Backend::New, script).await;
    }

    /// A transaction on `old` that has begun with this.
    pub(crate) async fn begun(&self, script: &'static str) -> PgConnection {
        let mut psql = PgConnection::connect(&self.urls.old).await.unwrap();
        raw_sql("begin").execute(&mut psql).await.unwrap();
        raw_sql(script).execute(&mut psql).await.unwrap();
        psql
    }

    /// Waits until somebody waits for a lock on a table of `old`.
    pub(crate) async fn until_waited_for(&self, table: &str) {
        let waits = format!("select count(*)::text from pg_locks where relation = '{table}'::regclass and not granted");
        eventually("somebody waits for the table", async || {
            (self.text(Backend::Old, &waits).await == "1").then_some(())
        })
        .await;
    }

    /// The text that a query gives, if any.
    pub(crate) async fn text(&self, backend: Backend, query: &str) -> String {
        let mut connection = PgConnection::connect(&self.urls[backend]).await.unwrap();
        let text: Option<String> = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_optional(&mut connection)
            .await
            .unwrap()
            .flatten();
        connection.close().await.unwrap();
        text.unwrap_or_default()
    }

    /// The rows of a table as texts, in the order of the texts.
    pub(crate) async fn rows(&self, backend: Backend, columns: &str, table: &str) -> String {
        self.text(
            backend,
            &format!(
                "select string_agg(row::text, E'\\n' order by row::text) from (select {columns} from {table}) as row"
            ),
        )
        .await
    }

    /// Waits until no dirty key of `old` is left, and returns what both sides then have.
    pub(crate) async fn drained(&self, columns: &str, table: &str) -> PerBackend<String> {
        self.until_drained().await;
        PerBackend {
            old: self.rows(Backend::Old, columns, table).await,
            new: self.rows(Backend::New, columns, table).await,
        }
    }

    /// Waits until no dirty key of `old` is left and both sides have the same rows of a table.
    pub(crate) async fn equal(&self, columns: &str, table: &str) {
        let rows = self.drained(columns, table).await;
        assert_eq!(rows.old, rows.new, "{table}");
    }

    pub(crate) async fn until_drained(&self) {
        self.until_drained_from(Backend::Old).await;
    }

    /// Waits until no dirty key of this side is left.
    pub(crate) async fn until_drained_from(&self, source: Backend) {
        eventually("no dirty key is left", async || {
            let standing = self.backends[source].mirror_standing().await.ok()?;
            standing.iter().all(|table| table.dirty == 0).then_some(())
        })
        .await;
    }

    /// Runs a script as the superuser of the cluster, whatever role Turnout connects as.
    pub(crate) async fn as_superuser(&self, backend: Backend, script: &str) {
        let (_, database) = self.urls[backend].rsplit_once('/').unwrap();
        run(&on_database(CLUSTER.get().unwrap().url(), database), script).await;
    }

    /// How the mirroring of the first table's changes on one side stands.
    pub(crate) async fn standing(&self, backend: Backend) -> MirrorStanding {
        let standing = self.backends[backend].mirror_standing().await.unwrap();
        let first = &self.repositories[0].name;
        standing.into_iter().find(|table| table.table == *first).unwrap()
    }

    /// The entries of the table of dirty keys: key, subject, epoch and whether made behind Turnout's back.
    pub(crate) async fn dirty(&self) -> Vec<String> {
        let entries = self
            .text(
                Backend::Old,
                "select string_agg(concat_ws(' ', key, coalesce(subject, '-'), epoch, case when behind then 'behind' end), E'\\n' order by key, subject) from turnout.dirty",
            )
            .await;
        entries.lines().map(str::to_owned).collect()
    }
}

/// A table as the settings name it.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: &'static [&'static str],
    pub(crate) subject: Option<&'static str>,
}

impl Table {
    /// With the key `id` and no subject.
    pub(crate) const fn called(name: &'static str) -> Self {
        Self {
            name,
            key: &["id"],
            subject: None,
        }
    }

    pub(crate) const fn key(self, key: &'static [&'static str]) -> Self {
        Self { key, ..self }
    }

    pub(crate) const fn subject(self, subject: &'static str) -> Self {
        Self {
            subject: Some(subject),
            ..self
        }
    }

    fn repository(self, number: usize) -> Repository {
        Repository {
            id: RepositoryId(u16::try_from(number).unwrap()),
            name: self.name.into(),
            table: self.name.into(),
            schema: "public".into(),
            key: self.key.iter().copied().map(Into::into).collect(),
            subject: self.subject.map(Into::into),
            compared: vec![],
        }
    }
}

/// Two new, empty databases on the cluster that all tests share.
pub(crate) async fn databases() -> PerBackend<String> {
    let cluster = CLUSTER
        .get_or_init(async || Cluster::start(Options::default()).await.unwrap())
        .await;
    let world = WORLDS.fetch_add(1, Relaxed);
    for side in ["old", "new"] {
        run(cluster.url(), &format!("create database {side}_{world}")).await;
    }
    PerBackend::from_fn(|backend| on_database(cluster.url(), &format!("{backend}_{world}")))
}

/// The same database, as the superuser of the cluster.
pub(crate) async fn as_superuser(url: &str) -> String {
    let cluster = CLUSTER
        .get_or_init(async || Cluster::start(Options::default()).await.unwrap())
        .await;
    on_database(cluster.url(), url.rsplit_once('/').unwrap().1)
}

/// The same server, another database.
pub(crate) fn on_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

pub(crate) fn open(backend: Backend, urls: &PerBackend<String>, repositories: &Arc<[Repository]>) -> Database {
    let settings = Settings {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(20),
        ..Settings::new(&urls[backend])
    };
    Database::open(backend, settings, Arc::clone(repositories), &Supervisor::new()).unwrap()
}

pub(crate) async fn run(url: &str, script: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Waits until `look` finds something, and returns it.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "waited in vain for this: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Clients with a phone that is unique.
pub(crate) const CLIENTS: &str = "create table clients (id int primary key, phone text unique, name text);";

/// Their table.
pub(crate) const T: Table = Table::called("clients").subject("phone");

/// `new` has a client of its own that keeps the phone `taken` from coming.
pub(crate) async fn with_a_row_in_the_way() -> World {
    let world = World::new(CLIENTS, &[T]).await;
    world
        .new_side("set turnout.epoch = 'mirror'; insert into clients values (1000, 'taken', 'theirs')")
        .await;
    world
}

/// Waits until a key of `old` is parked.
pub(crate) async fn parked(world: &World) -> ParkedKey {
    eventually("a row is parked", async || {
        world.backends.old.parked().await.unwrap().pop()
    })
    .await
}
