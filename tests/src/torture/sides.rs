//! Compares the rows of both databases in the end.

use std::collections::BTreeMap;

use anyhow::Result;
use sqlx::{AssertSqlSafe, PgPool};
use turnout_vocabulary::Backend;

use super::rows::{FIRST_NUMBER, Table};
use super::spec::Value;
use super::world::World;

/// The served tables, all with the key `id`.
const SERVED: [&str; 8] = [
    "companies",
    "clients",
    "services",
    "staff",
    "staff_schedules",
    "dialog_contexts",
    "bookings",
    "notes",
];

/// How many differences of each table are listed.
const TOLD: usize = 5;

/// The differences between the two sides, row by row.
pub(crate) async fn differences(world: &World) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for table in SERVED {
        let (old, new) = (&world.databases[Backend::Old], &world.databases[Backend::New]);
        let (old, new) = tokio::try_join!(rows(old, table), rows(new, table))?;
        let nothing = String::from("nothing");
        let mut ids: Vec<_> = old.keys().chain(new.keys()).collect();
        ids.sort_unstable();
        ids.dedup();
        let (on_old, on_new) = (
            |id| old.get(id).unwrap_or(&nothing),
            |id| new.get(id).unwrap_or(&nothing),
        );
        let differing: Vec<_> = ids.into_iter().filter(|id| on_old(id) != on_new(id)).collect();
        if differing.len() > TOLD {
            differences.push(format!("{} rows of {table} differ; some of them:", differing.len()));
        }
        differences.extend(
            differing
                .into_iter()
                .take(TOLD)
                .map(|id| format!("{table} {id} differs: old has {}, new has {}", on_old(id), on_new(id))),
        );
    }
    Ok(differences)
}

/// All rows of a table by key, in the database's JSON, with the columns in alphabetical order.
async fn rows(database: &PgPool, table: &str) -> Result<BTreeMap<i64, String>> {
    let columns: String = sqlx::query_scalar(
        "select string_agg(quote_ident(attname), ', ' order by attname) from pg_attribute \
         where attrelid = $1::regclass and attnum > 0 and not attisdropped",
    )
    .bind(table)
    .fetch_one(database)
    .await?;
    let rows = format!("select id::int8, row_to_json(whole)::text from (select {columns} from {table}) as whole");
    let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(rows)).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

/// The values that a run has left on both sides, each with the business key of its row.
pub(crate) async fn values(world: &World) -> Result<Vec<(Backend, i64, Value)>> {
    let mut values = Vec::new();
    for table in Table::ALL {
        let (name, number, value) = (table.name(), table.number(), table.value());
        let query = format!("select {number}, {value}::int8 from {name} where {number} >= {FIRST_NUMBER}");
        for (backend, database) in world.databases.iter() {
            let found: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(query.clone())).fetch_all(database).await?;
            values.extend(
                found
                    .into_iter()
                    .map(|(number, value)| (backend, number, value.cast_unsigned())),
            );
        }
    }
    Ok(values)
}
