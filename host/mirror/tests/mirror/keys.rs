//! Rows with every kind of key come, change and go.

use turnout_vocabulary::Backend;

use crate::world::{Table, World};

/// A table with a key of these types and rows with these keys: they arrive, change, and go again.
async fn key_of(columns: &str, key: &'static [&'static str], values: &[&str]) {
    let names: Vec<String> = key
        .iter()
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
        .collect();
    let names = names.join(", ");
    let world = World::new(
        &format!("create table t ({columns}, note text, primary key ({names}))"),
        &[Table::called("t").key(key)],
    )
    .await;
    let _mirror = world.mirror();
    for value in values {
        world
            .old(&format!("insert into t ({names}, note) values ({value}, 'came')"))
            .await;
    }
    world.equal("*", "t").await;
    let count = world.text(Backend::New, "select count(*)::text from t").await;
    assert_eq!(count, values.len().to_string());
    world
        .old("set timezone = 'Asia/Tokyo'; update t set note = 'changed'")
        .await;
    world.equal("*", "t").await;
    world.old("set timezone = 'America/Caracas'; delete from t").await;
    world.until_drained().await;
    assert_eq!(world.rows(Backend::New, "*", "t").await, "");
    assert_eq!(world.standing(Backend::Old).await.held, 0);
}

#[tokio::test]
async fn subjects_that_are_keys_of_their_rows() {
    for key in [&["phone"][..], &["id", "phone"]] {
        let world = World::new(
            &format!(
                "create table t (id int, phone text, note text, primary key ({}))",
                key.join(", ")
            ),
            &[Table::called("t").key(key).subject("phone")],
        )
        .await;
        let _mirror = world.mirror();
        world
            .old("insert into t values (1, 'one', 'came'), (2, 'two', 'came')")
            .await;
        world.equal("*", "t").await;
        world
            .old("update t set note = 'changed', phone = 'three' where id = 2")
            .await;
        world.equal("*", "t").await;
        world.old("delete from t where id = 1").await;
        world.equal("*", "t").await;
        assert_eq!(world.standing(Backend::Old).await.held, 0);
    }
}

#[tokio::test]
async fn texts_of_all_kinds() {
    key_of(
        "k text",
        &["k"],
        &[
            "''",
            "'it''s'",
            r#"'"quoted"'"#,
            r"'back\slash'",
            "'🙂'",
            "'a' || chr(10) || chr(1) || 'b'",
            "'{\"id\": 1}'",
            "'null'",
            "' {key} $1 %s'",
        ],
    )
    .await;
}

#[tokio::test]
async fn large_numbers() {
    key_of(
        "k bigint",
        &["k"],
        &["9223372036854775807", "-9223372036854775808", "9007199254740993"],
    )
    .await;
}

#[tokio::test]
async fn numbers_equal_and_written_otherwise() {
    key_of(
        "k numeric",
        &["k"],
        &["1.0", "12345678901234567890.000000000001", "'NaN'"],
    )
    .await;
}

#[tokio::test]
async fn uuids() {
    key_of("k uuid", &["k"], &["'123e4567-e89b-12d3-a456-426614174000'"]).await;
}

#[tokio::test]
async fn moments_in_any_time_zone() {
    key_of(
        "k timestamptz",
        &["k"],
        &[
            "'2024-03-31 02:30:00.000001+01'",
            "'infinity'",
            "'0044-03-15 12:00+00 BC'",
        ],
    )
    .await;
}

#[tokio::test]
async fn several_columns_with_awkward_names() {
    key_of(
        r#"id int, "it's ""a"" %s key" text, "back\slash" date"#,
        &["id", "it's \"a\" %s key", "back\\slash"],
        &["1, 'a', '2024-01-01'", "1, 'b', '2024-01-01'"],
    )
    .await;
}

#[tokio::test]
async fn identities_bytes_enums_and_arrays() {
    key_of(
        "i int generated always as identity, b bytea, a int[]",
        &["b", "a"],
        &[r"'\x00ff', '{1,2}'", r"'\x', '{}'"],
    )
    .await;
}

#[tokio::test]
async fn one_moment_is_one_key_whatever_the_time_zone_of_the_session() {
    let world = World::new(
        "create table t (id timestamptz primary key, note text)",
        &[Table::called("t")],
    )
    .await;
    world
        .old("set timezone = 'Asia/Tokyo'; insert into t values ('2024-01-01 00:00Z')")
        .await;
    world.old("set timezone = 'UTC'; update t set note = 'x'").await;
    let dirty = world.dirty().await;
    assert_eq!(dirty[0], dirty[1]);
}

#[tokio::test]
async fn a_key_that_comes_back_is_there_again() {
    let world = World::new("create table t (id int primary key, note text)", &[Table::called("t")]).await;
    let _mirror = world.mirror();
    for note in ["first", "second", "third"] {
        world.old(&format!("insert into t values (1, '{note}')")).await;
        world.equal("*", "t").await;
        world.old("delete from t").await;
        world.until_drained().await;
        assert_eq!(world.rows(Backend::New, "*", "t").await, "");
    }
    world
        .old("insert into t values (1, 'a'); delete from t; insert into t values (1, 'b')")
        .await;
    world.equal("*", "t").await;
}

#[tokio::test]
async fn columns_may_be_called_anything() {
    let world = World::new(
        r#"create table t (named int, found int, "{key}" text, "%1$s" text, "it's" text, primary key (named, found));"#,
        &[Table::called("t").key(&["named", "found"])],
    )
    .await;
    let _mirror = world.mirror();
    world.old("insert into t values (1, 2, 'a', 'b', 'c')").await;
    world.equal("*", "t").await;
    world
        .old(r#"update t set "%1$s" = 'd'; insert into t values (2, 1)"#)
        .await;
    world.equal("*", "t").await;
    assert_eq!(world.rows(Backend::New, "*", "t").await, "(1,2,a,d,c)\n(2,1,,,)");
}
