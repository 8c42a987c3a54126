//! Every way to change a row leaves its key.

use turnout_vocabulary::Backend;

use crate::world::{Table, World};

const CLIENTS: &str = "create table clients (id int primary key, phone text unique, visits int not null default 0);";

const T: Table = Table::called("clients").subject("phone");

#[tokio::test]
async fn copy_merge_upserts_and_returning_are_captured_once_for_each_row() {
    let world = World::new(CLIENTS, &[T]).await;
    world
        .old("copy clients (id, phone) from program 'printf \"1\\tone\\n2\\ttwo\\n\"'")
        .await;
    assert_eq!(
        world.dirty().await,
        [r#"{"id":1} one 0 behind"#, r#"{"id":2} two 0 behind"#]
    );
    world.old("delete from turnout.dirty").await;
    world
        .old(
            "merge into clients using (values (1, 'one'), (2, 'two'), (3, 'three')) as s (id, phone) on clients.id = s.id
             when matched and s.id = 2 then delete when matched then update set visits = 9
             when not matched then insert (id, phone) values (s.id, s.phone)",
        )
        .await;
    assert_eq!(
        world.dirty().await,
        [
            r#"{"id":1} one 0 behind"#,
            r#"{"id":2} two 0 behind"#,
            r#"{"id":3} three 0 behind"#
        ]
    );
    world.old("delete from turnout.dirty").await;
    world
        .old("insert into clients values (3, 'three', 4), (4, 'four', 0) on conflict (id) do update set visits = excluded.visits")
        .await;
    assert_eq!(
        world.dirty().await,
        [r#"{"id":3} three 0 behind"#, r#"{"id":4} four 0 behind"#]
    );
    let _mirror = world.mirror();
    world.equal("*", "clients where id in (3, 4)").await;
}

#[tokio::test]
async fn columns_may_be_called_as_the_variables_of_the_capture() {
    let world = World::new(
        "create table clients (id int primary key, carried bigint, let_in text);",
        &[Table::called("clients").subject("carried")],
    )
    .await;
    world.old("insert into clients values (1, 7, 'x')").await;
    assert_eq!(world.dirty().await, [r#"{"id":1} 7 0 behind"#]);
}

#[tokio::test]
async fn tables_and_columns_may_be_called_anything() {
    let world = World::new(
        r#"create table "we{table}ird" ("{subject}" int, "it's ""so""" text, changed int, old text, new text, key text, dirty text,
            a23456789012345678901234567890123456789012345678901234567890123 text,
            primary key ("{subject}", "it's ""so""", changed, old));"#,
        &[Table::called("we{table}ird")
            .key(&["{subject}", "it's \"so\"", "changed", "old"])
            .subject("a23456789012345678901234567890123456789012345678901234567890123")],
    )
    .await;
    world
        .old(r#"insert into "we{table}ird" values (1, 'q', 2, 'o', 'n', 'k', 'd', 's'); update "we{table}ird" set old = 'p'"#)
        .await;
    let dirty = world.dirty().await;
    assert!(
        dirty.contains(&r#"{"{subject}":1,"it's \"so\"":"q","changed":2,"old":"p"} s 0 behind"#.to_owned()),
        "{dirty:?}"
    );
}

#[tokio::test]
async fn keys_are_noted_exactly_whatever_the_session_sets() {
    let world = World::new(
        "create table t (id float8, span interval, held tstzrange, bytes bytea, subject date, primary key (id, span, held, bytes));",
        &[Table::called("t").key(&["id", "span", "held", "bytes"]).subject("subject")],
    )
    .await;
    let row =
        "insert into t values (0.1::float8 + 0.2, '1 day -2 hours', '[2026-01-01 00:00+00,)', 'x', '2026-02-01');";
    world.old(row).await;
    world
        .old(&format!(
            "set extra_float_digits = -6; set intervalstyle = 'sql_standard'; set timezone = 'Asia/Tokyo'; set bytea_output = 'escape';
             set datestyle = 'German'; delete from t; {row}"
        ))
        .await;
    let mut dirty = world.dirty().await;
    dirty.dedup();
    assert_eq!(
        dirty,
        [
            r#"{"id":0.30000000000000004,"span":"1 day -02:00:00","held":"[\"2026-01-01 00:00:00+00\",)","bytes":"\\x78"} 2026-02-01 0 behind"#
        ]
    );
}

#[tokio::test]
async fn a_published_table_of_dirty_keys_can_be_worked_off() {
    let world = World::new(CLIENTS, &[T]).await;
    world.old("create publication everything for all tables").await;
    let _mirror = world.mirror();
    world
        .old("insert into clients values (1, 'one'); update clients set visits = 1")
        .await;
    world.equal("*", "clients").await;
}

#[tokio::test]
async fn a_key_whose_operators_are_in_another_schema_is_captured() {
    let world = World::new(
        "create extension if not exists ltree; create table t (path ltree primary key, id int);",
        &[Table::called("t").key(&["path"])],
    )
    .await;
    world
        .old("insert into t values ('a.b', 1); update t set path = 'a.c'")
        .await;
    let dirty = world.dirty().await;
    assert!(dirty.contains(&r#"{"path":"a.c"} - 0 behind"#.to_owned()), "{dirty:?}");
}

#[tokio::test]
async fn a_row_given_another_key_or_subject_leaves_both() {
    let world = World::new(CLIENTS, &[T]).await;
    world.old("insert into clients values (1, 'one'), (2, null)").await;
    world.old("delete from turnout.dirty").await;
    world.old("update clients set id = 7 where id = 1").await;
    assert_eq!(
        world.dirty().await,
        [r#"{"id":1} one 0 behind"#, r#"{"id":7} one 0 behind"#]
    );
    world.old("delete from turnout.dirty").await;
    world.old("update clients set phone = 'seven' where id = 7").await;
    assert_eq!(
        world.dirty().await,
        [r#"{"id":7} one 0 behind"#, r#"{"id":7} seven 0 behind"#]
    );
    // Both at once: each key knows both subjects, so that the row is seen to be handed over.
    world.old("delete from turnout.dirty").await;
    world
        .old("update clients set id = 8, phone = 'eight' where id = 7")
        .await;
    assert_eq!(
        world.dirty().await,
        [
            r#"{"id":7} eight 0 behind"#,
            r#"{"id":7} seven 0 behind"#,
            r#"{"id":8} eight 0 behind"#,
            r#"{"id":8} seven 0 behind"#
        ]
    );
    let _mirror = world.mirror();
    world.until_drained().await;
    world.old("update clients set id = id + 1").await;
    world.equal("*", "clients where id = 8").await;
}

#[tokio::test]
async fn a_trigger_of_the_application_may_change_the_key() {
    let world = World::new(
        &format!(
            "{CLIENTS} create function spelled() returns trigger language plpgsql as $$
             begin new.phone := replace(new.phone, ' ', ''); return new; end $$;
             create trigger spelled before update on clients for each row execute function spelled();
             insert into clients values (1, '8 9');"
        ),
        &[T],
    )
    .await;
    world.old("update clients set visits = 1").await;
    assert_eq!(
        world.dirty().await,
        [r#"{"id":1} 8 9 0 behind"#, r#"{"id":1} 89 0 behind"#]
    );
}

#[tokio::test]
async fn cascades_are_captured_and_mirrored() {
    let world = World::new(
        "create table a (id int primary key, name text);
         create table b (id int primary key, a int references a on delete cascade on update cascade);
         create table c (id int primary key, b int references b on delete set null, a int default 3 references a on delete set default on update cascade);",
        &[Table::called("c"), Table::called("b"), Table::called("a")],
    )
    .await;
    let _mirror = world.mirror();
    world
        .old("insert into a values (1), (2), (3); insert into b values (1, 1), (2, 2); insert into c values (1, 1, 1), (2, 2, 2)")
        .await;
    world.until_drained().await;
    world.old("update a set id = 20 where id = 2").await;
    world.old("delete from a where id = 1").await;
    for table in ["a", "b", "c"] {
        world.equal("*", table).await;
    }
    assert_eq!(world.rows(Backend::New, "*", "b").await, "(2,20)");
    assert_eq!(world.rows(Backend::New, "*", "c").await, "(1,,3)\n(2,2,20)");
}

const PARTITIONS: &str = "
    create table visits (id int, at date, note text, phone text, primary key (id, at)) partition by range (at);
    create table visits_2023 partition of visits for values from ('2023-01-01') to ('2024-01-01');
    create table visits_2024 (phone text, note text, at date not null, id int not null);
    alter table visits attach partition visits_2024 for values from ('2024-01-01') to ('2025-01-01');";

#[tokio::test]
async fn partitions_are_captured_however_they_are_written() {
    let world = World::new(
        PARTITIONS,
        &[Table::called("visits").key(&["id", "at"]).subject("phone")],
    )
    .await;
    let _mirror = world.mirror();
    world
        .old("insert into visits values (1, '2023-05-05', 'through the parent', 'p'), (2, '2024-05-05', 'so is this', 'q')")
        .await;
    world
        .old("insert into visits_2024 values ('r', 'directly', '2024-06-06', 3)")
        .await;
    world.equal("*", "visits").await;
    assert_eq!(world.rows(Backend::New, "id", "visits").await, "(1)\n(2)\n(3)");
    world.old("update visits set at = '2024-05-06' where id = 1").await;
    world.equal("*", "visits").await;
    world.old("update visits set id = 30 where id = 3").await;
    world.old("update visits_2024 set id = 20 where id = 2").await;
    world.equal("*", "visits").await;
    world
        .old("delete from visits_2024 where id = 20; update visits set note = 'last'")
        .await;
    world.equal("*", "visits").await;
    assert_eq!(world.rows(Backend::New, "id", "visits").await, "(1)\n(30)");
    world.install(Backend::Old, false).await;
    assert_eq!(world.backends.old.check_capture().await.unwrap(), Some(vec![]));
}

#[tokio::test]
async fn a_change_that_is_taken_back_leaves_no_key_and_the_mirror_no_key_of_its_own() {
    let world = World::new(CLIENTS, &[T]).await;
    let _mirror = world.mirror();
    world
        .old("begin; insert into clients values (1, 'one'); savepoint a; insert into clients values (2, 'two'); rollback to a; commit")
        .await;
    world.equal("*", "clients").await;
    world.old("begin; delete from clients; rollback").await;
    world.equal("*", "clients").await;
    assert_eq!(world.rows(Backend::New, "id", "clients").await, "(1)");
    assert_eq!(
        world
            .text(Backend::New, "select count(*)::text from turnout.dirty")
            .await,
        "0"
    );
}
