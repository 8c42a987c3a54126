//! Rows come back as they were, or are left out with the reason.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Executor};
use turnout_tests::Site;

use super::{DUALWRITE, THEM, clean, equal, host, settled, site_with};

#[tokio::test(flavor = "multi_thread")]
async fn row_whose_place_was_taken_is_left_out_and_can_be_put_back_later() -> Result<()> {
    let (site, host) = site_with("").await?;
    let (old, _) = site.databases().await?;
    let before = equal(&site).await?;
    let id = clean(&site, "clients", THEM, 5)?;
    old.execute(AssertSqlSafe(
        "insert into clients (id, phone, name) values (9500, '89990001111', 'somebody newer'), (9002, '89160000000', 'the same key')",
    ))
    .await?;
    settled(&host).await;
    let (succeeded, out, err) = site.said(&["cleanup", "undo", &id])?;
    assert!(!succeeded, "{out}");
    assert_eq!(
        out,
        "1 rows are back on old\n\
         not put back: clients {\"id\":9002}: another row has its key now\n\
         not put back: clients {\"id\":9001}: another row has its values in clients_phone_key now\n\
         not put back: bookings {\"id\":9102}: a row that it refers to by bookings_client_id_fkey is not there\n\
         not put back: bookings {\"id\":9101}: a row that it refers to by bookings_client_id_fkey is not there\n"
    );
    assert!(
        err.contains("4 rows were not put back; they are kept, so the command can be repeated"),
        "{err}"
    );
    assert!(!equal(&site).await?.is_empty());

    old.execute(AssertSqlSafe("delete from clients where id in (9500, 9002)"))
        .await?;
    assert_eq!(site.turnout(&["cleanup", "undo", &id])?, "4 rows are back on old\n");
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_generated_columns_and_triggers_change_nothing() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for database in [&old, &new] {
        database
            .execute(AssertSqlSafe(
                "create table allowed (name text);
                 create function is_allowed(name text) returns boolean language sql as $$ select count(*) >= 0 from allowed $$;
                 create table things (
                    id bigint generated always as identity primary key,
                    name text not null check (is_allowed(name)), code text unique deferrable, doubled text generated always as (name || name) stored, parent bigint references things (id),
                    price numeric(12, 4), raw bytea, at timestamptz, tags text[], data json, wide char(8), updated_at timestamptz
                 );
                 create function touch() returns trigger language plpgsql as
                    $$ begin new.updated_at := clock_timestamp(); return new; end $$;
                 create trigger touch before insert or update on things for each row execute function touch()",
            ))
            .await?;
    }
    let changes = [("repositories.things.key", "['id']")];
    site.configure(&changes)?;
    site.route(DUALWRITE)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    let host = host(&site, &changes).await?;
    old.execute(AssertSqlSafe(
        "insert into things (name, price, raw, at, tags, data, wide) values
            ('[TEST_CLIENT] \"quoted\" \\ emoji 😀', 9800.5000, '\\x00ff', '2026-01-01 00:00:00.123456+03',
                array['a,b', null, '\"'], '{\"b\" : 1, \"a\":1.50}', 'ab');
         insert into things (name, parent) values ('[TEST_CLIENT] child', 1), ('[TEST_CLIENT] grandchild', 2), ('stays', null);
         insert into things (name, code) values ('[TEST_CLIENT] alone', 'one');
         -- Three refer to each other.
         update things set parent = 3 where id = 1",
    ))
    .await?;
    settled(&host).await;
    let digest =
        "select md5(string_agg((to_jsonb(t) - 'extra')::text, ' ' order by id)) from things as t where name <> 'stays'";
    let before: String = sqlx::query_scalar(digest).fetch_one(&old).await?;
    let id = clean(&site, "things", "id=in.(1,5)", 4)?;
    settled(&host).await;
    let left: Vec<String> = sqlx::query_scalar("select name from things").fetch_all(&new).await?;
    assert_eq!(left, ["stays"]);
    for database in [&new, &old] {
        database
            .execute(AssertSqlSafe("alter table things add column extra text"))
            .await?;
    }
    old.execute(AssertSqlSafe("update things set code = 'one' where name = 'stays'"))
        .await?;
    let (succeeded, out, _) = site.said(&["cleanup", "undo", &id])?;
    assert!(!succeeded, "{out}");
    assert!(
        out.contains(
            "3 rows are back on old\nnot put back: things {\"id\":5}: another row has its values in things_code_key now"
        ),
        "{out}"
    );
    old.execute(AssertSqlSafe("update things set code = null where name = 'stays'"))
        .await?;
    assert_eq!(site.turnout(&["cleanup", "undo", &id])?, "1 rows are back on old\n");
    settled(&host).await;
    for database in [&old, &new] {
        assert_eq!(
            sqlx::query_scalar::<_, String>(digest).fetch_one(database).await?,
            before
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_is_emptied_after_the_retention() -> Result<()> {
    let (site, first) = site_with("").await?;
    let (old, _) = site.databases().await?;
    let id = clean(&site, "clients", THEM, 5)?;
    old.execute(AssertSqlSafe(
        "update turnout.archive set at = at - interval '73 hours'",
    ))
    .await?;
    let (succeeded, _, err) = site.said(&["cleanup", "undo", &id])?;
    assert!(!succeeded && err.contains("the time for that is over"), "{err}");
    assert_eq!(site.turnout(&["cleanup", "list"])?, "no cleanup can be taken back\n");
    first.stop().await?;
    let _host = host(&site, &[]).await?;
    turnout_tests::eventually("the archive is empty", async || {
        let rows: i64 = sqlx::query_scalar("select count(*) from turnout.archive")
            .fetch_one(&old)
            .await
            .ok()?;
        (rows == 0).then_some(())
    })
    .await;
    let readable: bool = sqlx::query_scalar(
        "select exists (select from pg_class, aclexplode(relacl) where oid = 'turnout.archive'::regclass and grantee = 0)",
    )
    .fetch_one(&old)
    .await?;
    assert!(!readable);
    Ok(())
}
