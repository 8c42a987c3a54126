//! Several operations, all or none, on one authority.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use turnout_tests::{Answer, Host, Site, eventually};

/// A phone whose authority is `new`, and another whose authority is `old`.
const ON_NEW: &str = "89686484488";
const ON_OLD: &str = "89990000001";

async fn transact(host: &Host, body: &Value) -> Result<Answer> {
    host.send(host.request(Method::POST, "/v1/transactions").json(body))
        .await
}

async fn count(database: &PgPool, query: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(database).await?)
}

fn refused(answer: &Answer) -> (u16, Value, Value) {
    let body = answer.json();
    (answer.status.as_u16(), body["code"].clone(), body["operation"].clone())
}

#[tokio::test]
async fn later_operations_use_what_earlier_ones_answered() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let booked = transact(
        &host,
        &json!({"operations": [
            {"action": "upsert", "repository": "clients", "on_conflict": "yclients_id,company_id", "select": "id,phone,total_spent",
             "rows": {"yclients_id": 77, "company_id": 1, "phone": ON_OLD, "name": "Зоя \"🙂\"", "total_spent": "0.10"}},
            {"action": "insert", "repository": "bookings", "select": "client_id,client_phone,price",
             "rows": [{"client_id": {"$ref": "0.rows.0.id"}, "client_phone": {"$ref": "0.rows.0.phone"},
                       "price": {"$ref": "0.rows.0.total_spent"}, "datetime": "2026-11-24T10:00:00Z"}]},
            {"action": "update", "repository": "clients", "match": {"id": {"$ref": "0.rows.0.id"}},
             "rows": {"visit_count": {"$ref": "1.count"}}, "return": "minimal"},
            {"action": "find", "repository": "clients", "filter": "name=like.*%F0%9F%99%82*&order=id", "match": {"notes": null},
             "select": "name,visit_count"},
            {"action": "delete", "repository": "staff_schedules", "filter": "id=lt.3", "return": "minimal"}
        ]}),
    )
    .await?;
    assert_eq!(booked.status, 200, "{}", booked.text);
    let body = booked.json();
    let id = body["results"][0]["rows"][0]["id"].clone();
    assert!(booked.text.contains("\"total_spent\":0.10}"), "{}", booked.text);
    assert!(booked.text.contains("\"price\":0.10}"), "{}", booked.text);
    assert_eq!(body["results"][1]["rows"][0]["client_id"], id);
    assert_eq!(body["results"][2], json!({"count": 1}));
    assert_eq!(
        body["results"][3]["rows"],
        json!([{"name": "Зоя \"🙂\"", "visit_count": 1}])
    );
    assert_eq!(body["results"][4], json!({"count": 2}));
    assert_eq!((&body["backend"], &body["attempts"]), (&json!("old"), &json!(1)));
    assert_eq!(
        (booked.backend(), booked.header("x-turnout-epoch")),
        ("old", body["epoch"].to_string().as_str())
    );
    assert_eq!(booked.header("x-turnout-mirror"), body["mirror"]);
    let booking = "select count(*) from bookings where client_phone = '89990000001' and price = 0.1";
    assert_eq!((count(&old, booking).await?, count(&new, booking).await?), (1, 0));

    // The test phone is on `new` and mirrored. Its bookings are mirrored synchronously.
    let mirrored = transact(
        &host,
        &json!({"isolation": "serializable", "operations": [
            {"action": "update", "repository": "clients", "filter": "id=eq.1", "rows": {"notes": "by id"}},
            {"action": "insert", "repository": "bookings",
             "rows": {"client_id": 1, "client_phone": ON_NEW, "datetime": "2026-11-24T11:00:00Z", "comment": "sync"}}
        ]}),
    )
    .await?;
    assert_eq!(
        (mirrored.status.as_u16(), mirrored.backend()),
        (200, "new"),
        "{}",
        mirrored.text
    );
    assert_eq!(mirrored.header("x-turnout-mirror"), "done");
    let synced = "select count(*) from bookings join clients on clients.id = client_id where comment = 'sync' and notes = 'by id'";
    assert_eq!((count(&old, synced).await?, count(&new, synced).await?), (1, 1));
    Ok(())
}

#[tokio::test]
async fn timeouts_of_the_role_end_no_transaction() -> Result<()> {
    let site = Site::set_up().await?;
    let (_, new) = site.databases().await?;
    for timeout in [
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "statement_timeout",
    ] {
        let alter = format!("alter role current_user set {timeout} = '1ms'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(alter)).execute(&new).await?;
    }
    let host = site.host().await?;
    let note = json!({
        "action": "update", "repository": "clients", "filter": "id=eq.1", "match": {"phone": ON_NEW},
        "rows": {"notes": "noted"}, "select": "id"
    });
    let noted = transact(&host, &json!({ "operations": vec![note; 20] })).await?;
    assert_eq!(noted.status, 200, "{}", noted.text);
    assert_eq!(
        count(&new, "select count(*) from clients where notes = 'noted'").await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn what_one_operation_cannot_do_none_has_done() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let client = |phone: &str| json!({"action": "insert", "repository": "clients", "rows": {"phone": phone, "name": "nobody", "company_id": 1}});
    let booking = json!({"action": "insert", "repository": "bookings",
        "rows": {"datetime": "2026-11-24T10:00:00Z", "client_phone": ON_OLD, "status": "unheard of"}});
    let of = |repository: &str, reference: &str| {
        json!({"action": "insert", "repository": repository,
               "rows": {"name": "x", "phone": ON_OLD, "company_id": {"$ref": reference}}})
    };
    let handed = json!({"action": "update", "repository": "clients", "match": {"phone": {"$ref": "1.rows.0.phone"}},
                        "rows": {"notes": "x"}});
    let read = json!({"action": "find", "repository": "clients", "filter": "id=eq.1"});
    for (second, third, expected) in [
        (booking.clone(), None, (400, "23514", json!(1))),
        (client(ON_OLD), None, (409, "23505", json!(1))),
        (of("clients", "0.rows.4.id"), None, (409, "TURNOUT_REFERENCE", json!(1))),
        (
            of("clients", "0.rows.0.colour"),
            None,
            (409, "TURNOUT_REFERENCE", json!(1)),
        ),
        (
            of("clients", "1.rows.0.id"),
            None,
            (400, "TURNOUT_TRANSACTION", json!(1)),
        ),
        (of("clients", "soon"), None, (400, "TURNOUT_TRANSACTION", json!(1))),
        (of("nowhere", "0.rows.0.id"), None, (404, "PGRST205", json!(1))),
        (client(ON_NEW), None, (409, "TURNOUT_AUTHORITY", Value::Null)),
        // The authority of this row is known only when the operation before has answered.
        (read, Some(handed), (409, "TURNOUT_AUTHORITY", json!(2))),
    ] {
        let mut operations = vec![client(ON_OLD), second];
        operations.extend(third);
        let answer = transact(&host, &json!({ "operations": operations })).await?;
        let (status, code, place) = refused(&answer);
        assert_eq!(
            (status, code, place),
            (expected.0, json!(expected.1), expected.2),
            "{}",
            answer.text
        );
        if answer.text.contains("authority old") {
            assert!(
                answer
                    .text
                    .contains("operations 0 have the authority old and operations 1"),
                "{}",
                answer.text
            );
        }
    }
    let nobody = "select count(*) from clients where name = 'nobody'";
    assert_eq!((count(&old, nobody).await?, count(&new, nobody).await?), (0, 0));
    let open = "select count(*) from pg_stat_activity where state like 'idle in transaction%'";
    assert_eq!((count(&old, open).await?, count(&new, open).await?), (0, 0));

    for body in [
        json!({}),
        json!({"operations": []}),
        json!({"operations": vec![json!({"action": "find", "repository": "staff"}); 1001]}),
        json!({"isolation": "chaos", "operations": [{"action": "find", "repository": "staff"}]}),
        json!({"operations": [{"action": "drop", "repository": "staff"}]}),
        json!({"operations": [{"action": "insert", "repository": "staff"}]}),
        json!({"operations": [{"action": "delete", "repository": "staff", "filters": "id=eq.1"}]}),
        json!({"operations": [{"action": "find", "repository": "staff", "match": {"id": [1]}}]}),
    ] {
        let answer = transact(&host, &body).await?;
        let (status, code, _) = refused(&answer);
        assert_eq!((status, code), (400, json!("TURNOUT_TRANSACTION")), "{}", answer.text);
    }
    Ok(())
}

/// Waits until a session waits for a lock.
async fn somebody_waits(database: &PgPool) {
    eventually("a statement waits for the lock", async || {
        let waiting = "select true from pg_stat_activity where wait_event_type = 'Lock' limit 1";
        let waiting = sqlx::query_scalar::<_, bool>(waiting).fetch_optional(database).await;
        waiting.ok()?
    })
    .await;
}

#[tokio::test]
async fn a_contended_transaction_is_tried_again_and_says_so() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let mut other = old.begin().await?;
    sqlx::query("update services set minutes = minutes + 1 where id = 1")
        .execute(&mut *other)
        .await?;
    let body = json!({"isolation": "repeatable read", "operations": [
        {"action": "find", "repository": "services", "filter": "id=eq.1"},
        {"action": "update", "repository": "services", "filter": "id=eq.1", "rows": {"title": "again"}, "return": "minimal"}
    ]});
    let (answer, committed) = tokio::join!(transact(&host, &body), async {
        somebody_waits(&old).await;
        other.commit().await
    });
    committed?;
    let answer = answer?;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["attempts"]),
        (200, &json!(2)),
        "{}",
        answer.text
    );

    // A trigger that conflicts with the transaction at every attempt.
    let trigger = "create function in_the_way() returns trigger language plpgsql as $$ begin \
                   raise exception using errcode = '40P01', message = 'deadlock detected'; end $$; \
                   create trigger in_the_way before update on staff for each row execute function in_the_way()";
    sqlx::raw_sql(trigger).execute(&old).await?;
    let update = json!({"action": "update", "repository": "staff", "filter": "id=eq.1", "rows": {"name": "never"}});
    let refusal = transact(&host, &json!({"operations": [update]})).await?;
    assert_eq!(refused(&refusal), (503, json!("TURNOUT_CONTENTION"), json!(0)));
    assert_eq!(
        refusal.json()["details"],
        "The transaction was tried 5 times. The last attempt failed with SQLSTATE 40P01."
    );
    assert_eq!(refusal.header("retry-after"), "1");
    Ok(())
}

#[tokio::test]
async fn a_transaction_whose_caller_goes_away_is_rolled_back() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.request_timeout", "'400ms'")])?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let mut lock = old.begin().await?;
    sqlx::query("lock table staff").execute(&mut *lock).await?;
    let late = transact(
        &host,
        &json!({"operations": [
            {"action": "insert", "repository": "services", "rows": {"title": "left behind"}},
            {"action": "insert", "repository": "staff", "rows": {"name": "left behind"}}
        ]}),
    )
    .await?;
    assert_eq!(refused(&late).0, 504, "{}", late.text);
    lock.rollback().await?;
    eventually("the transaction is gone", async || {
        let open =
            "select count(*) from pg_stat_activity where application_name = 'turnout' and xact_start is not null";
        (count(&old, open).await.ok()? == 0).then_some(())
    })
    .await;
    let left = "select count(*) from services where title = 'left behind'";
    assert_eq!(count(&old, left).await?, 0);
    Ok(())
}

#[tokio::test]
async fn transactions_go_on_while_the_authority_of_their_rows_changes() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, new) = site.databases().await?;
    let stage = |stage: &str| {
        site.route(&format!(
            "[[cohort]]\nname = 'test phone'\nsubjects = ['{ON_NEW}']\nstage = '{stage}'\n[default]\nstage = 'off'\n\
             [repositories.companies]\nstage = 'dualwrite'\n[repositories.services]\nstage = 'dualwrite'\n\
             [repositories.staff]\nstage = 'dualwrite'\n"
        ))
    };
    let body = json!({"operations": [
        {"action": "insert", "repository": "bookings", "select": "id",
         "rows": {"client_phone": ON_NEW, "datetime": "2026-11-24T10:00:00Z", "comment": "handed over"}},
        {"action": "update", "repository": "bookings", "match": {"id": {"$ref": "0.rows.0.id"}, "client_phone": ON_NEW},
         "rows": {"price": {"$ref": "0.rows.0.id"}}, "return": "minimal"}
    ]});
    let mut done = 0;
    for (next, authority) in [
        ("dualwrite", "old"),
        ("live", "new"),
        ("dualwrite", "old"),
        ("live", "new"),
    ] {
        stage(next)?;
        eventually("the authority is that of the stage", async || {
            let answer = transact(&host, &body).await.ok()?;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.json()["results"][1], json!({"count": 1}));
            done += 1;
            (answer.backend() == authority).then_some(())
        })
        .await;
    }
    let rows = "select count(*) from bookings where comment = 'handed over' and price = id";
    eventually("both sides have all of them", async || {
        let (old, new) = (count(&old, rows).await.ok()?, count(&new, rows).await.ok()?);
        (old == done && new == done).then_some(())
    })
    .await;
    Ok(())
}
