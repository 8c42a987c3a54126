//! What speaks against a cleanup, and that nothing goes then.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Executor};
use turnout_tests::core_module;

use super::{THEM, clean, clients, equal, host, refused, settled, site_with};

#[tokio::test(flavor = "multi_thread")]
async fn one_row_without_marks_refuses_the_whole_and_is_named() -> Result<()> {
    let (site, _host) = site_with(
        "insert into clients (id, phone, name, notes, email) values
            (9011, '89161234567', 'Anna', '[TEST_CLIENT]', '89990001111@example.com'),
            (9012, '89161234568', '%TEST_CLIENT%', null, null),
            (9013, '89161234569', '[TЕST_CLIENT] Cyrillic', null, null),
            (9014, '79899900123', 'Digits inside', null, null);
         insert into bookings (id, client_id, client_phone, datetime) values (9111, 9002, '89161234567', now())",
    )
    .await?;
    let before = equal(&site).await?;
    for id in 9011..=9014 {
        let said = refused(&site, "clients", &format!("id=in.(9003,{id})"), 2)?;
        assert!(
            said.contains(&format!("1 rows of clients have no test marks: {{\"id\":{id}}}")),
            "{said}"
        );
    }
    // `_` and `%` of a filter are wildcards; those of a mark are not.
    let said = refused(&site, "clients", "name=like.*TEST_CLIENT*", 5)?;
    assert!(said.contains("9012") && !said.contains("9003"), "{said}");
    let said = refused(&site, "clients", "id=eq.9002", 3)?;
    assert!(
        said.contains("1 rows of bookings have no test marks: {\"id\":9111}"),
        "{said}"
    );
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_rows_than_agreed_is_refused() -> Result<()> {
    let (site, _host) = site_with(
        "insert into clients (phone, name) select '8999111' || lpad(n::text, 4, '0'), 'many' from generate_series(1, 101) as n",
    )
    .await?;
    let before = equal(&site).await?;
    let said = refused(&site, "clients", THEM, 4)?;
    assert!(
        said.contains("5 rows would go, and 4 were agreed on: look again at the dry run"),
        "{said}"
    );
    let said = refused(&site, "clients", "name=eq.many", 101)?;
    assert!(
        said.contains("marks") || said.contains("more rows would go than the 100 that may go at once"),
        "{said}"
    );
    let (succeeded, _, err) = site.said(&["cleanup", "clients", "--where", THEM, "--execute"])?;
    assert!(!succeeded && err.contains("--expect"), "{err}");
    let (succeeded, _, err) = site.said(&["cleanup", "clients", "--where", "limit=3"])?;
    assert!(
        !succeeded && err.contains("limit is none: a cleanup is about all rows that match"),
        "{err}"
    );
    let (succeeded, _, err) = site.said(&["cleanup", "clients", "--where", "name.like.*x*"])?;
    assert!(!succeeded && err.contains("a part without `=` is none"), "{err}");
    let (succeeded, _, err) = site.said(&["cleanup", "nobody"])?;
    assert!(!succeeded && err.contains("nobody"), "{err}");
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_must_allow_cleanups() -> Result<()> {
    let (site, first) = site_with("").await?;
    drop(first);
    // The mirror would remove the rows from `new`, too.
    let _host = host(&site, &[("backends.new.cleanup", "'forbidden'")]).await?;
    let before = equal(&site).await?;
    let said = refused(&site, "clients", THEM, 5)?;
    assert!(
        said.contains("rows would go from backend new, where the configuration does not allow cleanups"),
        "{said}"
    );
    assert!(
        site.turnout(&["cleanup", "clients", "--where", THEM])?
            .contains("the policy agrees")
    );
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_that_traps_or_agrees_to_everything_loses_no_row() -> Result<()> {
    let (site, host) = site_with("").await?;
    let before = equal(&site).await?;
    let fixture = |name: &str| -> Result<Vec<u8>> {
        let path = format!(
            "{}/../host/runtime/tests/fixtures/{name}.wat",
            env!("CARGO_MANIFEST_DIR")
        );
        core_module(&std::fs::read_to_string(path)?, "safe-cleanup")
    };
    let module_of = |status: &serde_json::Value| status["safe_cleanup"]["module"].clone();
    let built_in = module_of(&host.get("/v1/status").await?.json());
    site.put("safe-cleanup.toml", "")?;
    site.put("safe-cleanup.wasm", fixture("agrees_to_everything")?)?;
    let status = host
        .status_with("the policy is in force", |status| module_of(status) != built_in)
        .await;
    // Only the host's own rules are left.
    let (old, _) = site.databases().await?;
    old.execute(AssertSqlSafe(
        "create table visits (id serial primary key, client_id integer references clients (id) on delete cascade);
         insert into visits (client_id) values (9002)",
    ))
    .await?;
    let said = refused(&site, "clients", "id=eq.9002", 1)?;
    assert!(
        said.contains("rows of public.visits refer to rows of clients by visits_client_id_fkey"),
        "{said}"
    );
    assert_eq!(equal(&site).await?, before);

    let agrees = module_of(&status);
    site.put("safe-cleanup.wasm", fixture("traps_at_cleanup")?)?;
    host.status_with("the policy is in force", |status| {
        let module = module_of(status);
        module != agrees && module != built_in
    })
    .await;
    let said = refused(&site, "clients", "id=eq.9003", 1)?;
    assert!(said.contains("the policy"), "{said}");
    assert_eq!(equal(&site).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_postgresql_would_go_on_to_is_refused() -> Result<()> {
    let (site, _host) = site_with("").await?;
    let (old, new) = site.databases().await?;
    let before = equal(&site).await?;
    for (what, undo) in [
        (
            "create function on_delete() returns trigger language plpgsql as
                $$ begin delete from dialog_contexts where id = (select min(id) from dialog_contexts); return null; end $$;
             create trigger on_delete after delete on clients for each row execute function on_delete()",
            "drop function on_delete cascade",
        ),
        (
            "create function on_delete() returns trigger language plpgsql as
                $$ begin update companies set title = title || '!'; return null; end $$;
             create constraint trigger on_delete after delete on clients deferrable initially deferred
                for each row execute function on_delete()",
            "drop function on_delete cascade",
        ),
        (
            "create function on_delete() returns trigger language plpgsql as $$ begin truncate dialog_contexts; return null; end $$;
             create trigger on_delete after delete on clients for each statement execute function on_delete()",
            "drop function on_delete cascade",
        ),
        (
            "create table files_9003 (text text);
             create function on_delete() returns trigger language plpgsql as
                $$ begin execute 'drop table files_' || old.id; return null; end $$;
             create trigger on_delete after delete on clients for each row execute function on_delete()",
            "drop function on_delete cascade; drop table files_9003",
        ),
        (
            "create rule on_delete as on delete to clients do instead delete from dialog_contexts where id = 1",
            "drop rule on_delete on clients",
        ),
        (
            "create table former_clients (passport text) inherits (clients)",
            "drop table former_clients",
        ),
        (
            "create rule on_delete as on delete to clients do also delete from dialog_contexts where user_id = 'nobody' or id = 1",
            "drop rule on_delete on clients",
        ),
        (
            "create function on_delete() returns trigger language plpgsql as $$ begin return null; end $$;
             create trigger on_delete before delete on clients for each row execute function on_delete()",
            "drop function on_delete cascade",
        ),
    ] {
        old.execute(AssertSqlSafe(what)).await?;
        let said = refused(&site, "clients", "id=eq.9003", 1).context(what)?;
        assert!(said.contains("nothing was removed"), "{what}: {said}");
        old.execute(AssertSqlSafe(undo)).await?;
        assert_eq!(equal(&site).await?, before, "{what}");
    }
    assert_eq!((clients(&old).await?, clients(&new).await?), (3, 3));
    clean(&site, "clients", "id=eq.9003", 1)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn row_that_differs_between_the_sides_is_refused() -> Result<()> {
    let (site, host) = site_with("").await?;
    let (_, new) = site.databases().await?;
    new.execute(AssertSqlSafe(
        "update clients set name = 'a real client', phone = '89161112233' where id = 9003",
    ))
    .await?;
    settled(&host).await;
    let said = refused(&site, "clients", "id=eq.9003", 1)?;
    assert!(
        said.contains("the row {\"id\":9003} of clients differs between the sides in"),
        "{said}"
    );
    // On `new` alone a row refers to one that would go.
    new.execute(AssertSqlSafe(
        "insert into bookings (id, client_id, client_phone, datetime) values (9151, 9002, '89161112233', now())",
    ))
    .await?;
    settled(&host).await;
    let said = refused(&site, "bookings", "id=eq.9151", 1)?;
    assert!(said.contains("backend new has the row {\"id\":9151}"), "{said}");
    let said = refused(&site, "clients", "id=eq.9002", 1)?;
    assert!(
        said.contains("backend new has the row {\"id\":9151} of bookings, and its authority has not"),
        "{said}"
    );
    assert_eq!(clients(&new).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_other_side_nothing_goes() -> Result<()> {
    let (mut site, _host) = site_with("").await?;
    site.new.stop().await?;
    let said = refused(&site, "clients", THEM, 5)?;
    assert!(said.contains("new") && said.contains("cannot be reached"), "{said}");
    let old = sqlx::PgPool::connect(site.old.url()).await?;
    assert_eq!(clients(&old).await?, 3);
    Ok(())
}
