//! Writes behind Turnout's back, as psql or a cron job makes them.

use std::time::Duration;

use anyhow::Result;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, raw_sql};

use super::history::{Outcome, Recorder};
use super::rows::Key;
use super::spec::{Reply, Step};

/// Settings that each session sets for itself. They win over the defaults of the database and the role, which a run changes.
const OPTIONS: [(&str, &str); 3] = [
    ("statement_timeout", "2s"),
    ("lock_timeout", "0"),
    ("default_transaction_read_only", "off"),
];

/// How long to wait for an answer. It is longer than the statement timeout, so that the database gives up first.
const PATIENCE: Duration = Duration::from_secs(4);

/// Connections to a database that is down for much of the run.
pub(crate) fn connections(url: &str) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    Ok(PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(options.options(OPTIONS)))
}

/// Carries out one step on one row.
pub(crate) async fn direct(database: &PgPool, recorder: &Recorder, key: &Key, step: Step) -> Outcome {
    let Ok(mut connection) = database.acquire().await else {
        return Outcome::Refused;
    };
    let statement = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql(key, step))).fetch_optional(&mut *connection);
    match tokio::time::timeout(PATIENCE, statement).await {
        Ok(Ok(found)) => Outcome::Done(recorder.now(), reply(step, found.as_deref())),
        _ => Outcome::InDoubt,
    }
}

/// Runs statements, without a transaction around them.
pub(crate) async fn run(database: &PgPool, sql: &str) -> sqlx::Result<()> {
    execute(&mut *database.acquire().await?, sql).await
}

/// The same in a given session.
pub(crate) async fn execute(session: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(sql.to_owned())).execute(session).await?;
    Ok(())
}

/// A statement that returns one text if it found or wrote the row. Phones and values are digits, so they need no escaping.
fn sql(key: &Key, step: Step) -> String {
    let Key { table, phone, number } = key;
    let (name, subject, key, value) = (table.name(), table.subject(), table.number(), table.value());
    let (required, default) = table.required();
    let insert = |written| {
        format!(
            "insert into {name} ({subject}, {key}, company_id, {value}, {required}) \
             values ('{phone}', {number}, 1, '{written}', '{default}') on conflict ({key}, company_id)"
        )
    };
    let this = format!("where {subject} = '{phone}' and {key} = {number}");
    match step {
        Step::Insert(written) => format!("{} do nothing returning 'inserted'", insert(written)),
        Step::Upsert(written) => format!(
            "{} do update set {value} = excluded.{value} \
             returning case when xmax = 0 then 'inserted' else 'changed' end",
            insert(written)
        ),
        Step::Update(written) => format!("update {name} set {value} = '{written}' {this} returning 'changed'"),
        Step::Delete => format!("delete from {name} {this} returning {value}"),
        Step::Read => format!("select {value} from {name} {this}"),
    }
}

fn reply(step: Step, found: Option<&str>) -> Reply {
    match (step, found) {
        (Step::Upsert(_), Some("changed")) | (Step::Update(_), Some(_)) => Reply::Changed,
        (Step::Insert(_) | Step::Upsert(_), Some(_)) => Reply::Inserted,
        (Step::Insert(_) | Step::Upsert(_), None) => Reply::Taken,
        (Step::Update(_), None) => Reply::Missed,
        (Step::Delete | Step::Read, found) => Reply::Was(found.and_then(|value| value.parse().ok())),
    }
}
