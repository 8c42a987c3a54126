//! Views that are read by their own path, as reads of the repositories that they are made of.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sqlx::raw_sql;
use turnout_tests::eventually;

use super::salon::Salon;

const VIEWS: &str = "
    create view busy as
        select m.id, m.name, count(*) as visits from masters m join visits v on v.master_id = m.id group by m.id;
    create view busiest as select * from busy where visits > 1;
    create materialized view guest_names as select id, name from guests;
    create view card_list as select number from cards;
";

/// Makes the views on both sides, and waits until the host knows them.
async fn make_views(salon: &Salon) -> Result<()> {
    let (old, new) = salon.site.databases().await?;
    for side in [&old, &new] {
        raw_sql(VIEWS).execute(side).await?;
    }
    eventually("the host knows the new views", async || {
        salon.read("guest_names?limit=0").await.ok()
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn views_are_read_by_their_own_path() -> Result<()> {
    let salon = Salon::set_up().await?;
    make_views(&salon).await?;
    salon
        .check(&[
            (
                "visit_list?select=n:number,guests(name)&price=gt.90&order=number.desc",
                r#"[{"n":2,"guests":{"name":"Anna"}},{"n":1,"guests":{"name":"Anna"}}]"#,
            ),
            (
                "busiest?order=id",
                r#"[{"id":1,"name":"Olga","visits":2},{"id":2,"name":"Pavel","visits":2}]"#,
            ),
            ("guest_names?select=name&id=eq.2", r#"[{"name":"Boris"}]"#),
        ])
        .await?;
    let headers = [("prefer", "count=exact"), ("accept-profile", "public")];
    let answer = salon
        .ask(Method::GET, "visit_list?select=number&limit=1", &headers, None)
        .await?;
    assert_eq!((answer.status.as_u16(), answer.header("content-range")), (206, "0-0/4"));
    assert_eq!(answer.header("content-profile"), "public");
    assert_eq!(answer.header("content-location"), "/visit_list?limit=1&select=number");

    let unknown = salon.ask(Method::GET, "visit_list?select=colour", &[], None).await?;
    assert_eq!(unknown.json()["message"], "column visit_list.colour does not exist");
    // It is made of no repository.
    let answer = salon.ask(Method::GET, "card_list", &[], None).await?;
    let message = "Could not find the table 'public.card_list' in the schema cache";
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["message"]),
        (404, &json!(message))
    );
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let answer = salon
            .ask(method, "visit_list?number=eq.1", &[], Some(&json!({"price": 1})))
            .await?;
        let hint = "Write to visits, of which the view is made.";
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["hint"]),
            (405, &json!(hint)),
            "{}",
            answer.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_authority_of_a_views_repository_answers() -> Result<()> {
    let salon =
        Salon::set_up_with("[repositories.masters]\nstage = \"live\"\n[repositories.guests]\nstage = \"live\"\n")
            .await?;
    make_views(&salon).await?;
    salon
        .host
        .status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    for (path, backend) in [("guest_names?limit=1", "new"), ("visit_list?limit=1", "old")] {
        let answer = salon.ask(Method::GET, path, &[], None).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.backend()),
            (200, backend),
            "{path}: {}",
            answer.text
        );
    }
    // It is also made of visits, whose rows are only kept on `old`.
    let refused = salon.ask(Method::GET, "busiest", &[], None).await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (409, &json!("TURNOUT_AUTHORITY")),
        "{}",
        refused.text
    );
    Ok(())
}

#[tokio::test]
async fn a_read_of_a_view_waits_for_the_mirror() -> Result<()> {
    let routing = "[repositories.masters]\nstage = \"live\"\n[repositories.visits]\nstage = \"dualwrite\"\n\
                   [repositories.guests]\nstage = \"dualwrite\"\n";
    let salon = Salon::set_up_with(routing).await?;
    make_views(&salon).await?;
    salon
        .host
        .status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    for id in 10..15 {
        let visit = json!({"id": id, "master_id": 1});
        let written = salon.ask(Method::POST, "visits", &[], Some(&visit)).await?;
        assert_eq!(
            (written.status.as_u16(), written.backend()),
            (201, "old"),
            "{}",
            written.text
        );
        let read = salon
            .ask(Method::GET, "busiest?select=visits&id=eq.1", &[], None)
            .await?;
        assert_eq!((read.status.as_u16(), read.backend()), (200, "new"), "{}", read.text);
        // On a busy machine the mirror may take longer than a read waits, and the answer says so.
        if read.header("x-turnout-staleness").is_empty() {
            assert_eq!(read.json(), json!([{"visits": id - 7}]));
        }
    }
    Ok(())
}
