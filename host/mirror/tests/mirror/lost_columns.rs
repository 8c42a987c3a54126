//! A table that loses its name, or a column that capture notes: its writers go on, and so does the mirror of all others.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use turnout_backends::GapKind;
use turnout_vocabulary::Backend;

use crate::gaps::compare;
use crate::world::{Table, World, eventually};

const TABLES: &str = "create table clients (id int primary key, phone text, tag text, visits int not null default 0);
    create table notes (id int primary key);";

/// What every writer of a table does, with whatever columns it has now.
const WRITES: &str =
    "insert into {table} values (11, 'eleven'), (12, 'twelve'); update {table} set visits = visits + 1;
    update {table} set {key} = 13 where {key} = 12; update {table} set {key} = 14, {subject} = 'new' where {key} = 13;
    delete from {table} where {key} = 2;";

#[tokio::test]
async fn writers_of_a_table_that_lost_its_name_or_a_column_go_on() {
    let writes = |table: &str, key: &str, subject: &str| {
        let script = WRITES.replace("{table}", table).replace("{key}", key);
        script.replace("{subject}", subject)
    };
    let without = |column: &str| GapKind::Without(column.into());
    for (lost, kind, writes, back) in [
        (
            "alter table clients rename to customers",
            GapKind::Missing,
            writes("customers", "id", "phone"),
            "alter table customers rename to clients",
        ),
        (
            "alter table clients rename phone to telephone",
            without("phone"),
            writes("clients", "id", "telephone"),
            "alter table clients rename telephone to phone",
        ),
        (
            "alter table clients rename id to number",
            without("id"),
            writes("clients", "number", "phone"),
            "alter table clients rename number to id",
        ),
        (
            "alter table clients drop column phone cascade",
            without("phone"),
            writes("clients", "id", "tag"),
            "",
        ),
    ] {
        let world = World::new(
            TABLES,
            &[Table::called("clients").subject("phone"), Table::called("notes")],
        )
        .await;
        world.old("insert into clients values (1, 'one'), (2, 'two')").await;
        compare(&world, Backend::Old).await;
        let _mirror = world.mirror();
        world.until_drained().await;
        // A session that has its plans already.
        let mut psql = PgConnection::connect(&world.urls.old).await.unwrap();
        let write = "update clients set visits = 5 where id = 1; insert into clients values (3, 'three')";
        raw_sql(write).execute(&mut psql).await.unwrap();
        world.until_drained().await;

        world.old(lost).await;
        raw_sql(AssertSqlSafe(writes)).execute(&mut psql).await.unwrap();
        world.old("insert into notes select generate_series(1, 100)").await;
        eventually("other tables are mirrored", async || {
            (world.text(Backend::New, "select count(*)::text from notes").await == "100").then_some(())
        })
        .await;
        let gaps = world.backends.old.gaps().await.unwrap();
        let gap_of_clients = gaps.iter().find(|gap| gap.repository == "clients").unwrap();
        assert_eq!(gap_of_clients.kind, kind, "{lost}");
        assert!(gap_of_clients.is_open(), "{lost}");
        if back.is_empty() {
            continue;
        }
        world.old(back).await;
        if kind != GapKind::Missing {
            let gaps = world.backends.old.gaps().await.unwrap();
            assert!(
                gaps.iter()
                    .any(|gap| gap.repository == "clients" && gap.kind == GapKind::Switched),
                "{lost}: {gaps:?}"
            );
        }
        compare(&world, Backend::Old).await;
        world.equal("*", "clients").await;
    }
}
