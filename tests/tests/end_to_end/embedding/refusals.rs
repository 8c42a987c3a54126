//! What is refused, in PostgREST's words.

use anyhow::Result;
use reqwest::Method;

use super::salon::Salon;

#[tokio::test]
async fn what_can_not_be_embedded_is_refused_as_postgrest_refuses_it() -> Result<()> {
    let salon = Salon::set_up().await?;
    for (path, status, body) in [
        (
            "guests?select=visit(id)",
            400,
            r#"{"code":"PGRST200","details":"Searched for a foreign key relationship between 'guests' and 'visit' in the schema 'public', but no matches were found.","hint":"Perhaps you meant 'visits' instead of 'visit'.","message":"Could not find a relationship between 'guests' and 'visit' in the schema cache"}"#,
        ),
        (
            "guests?select=visits!nothing(id)",
            400,
            r#"{"code":"PGRST200","details":"Searched for a foreign key relationship between 'guests' and 'visits' using the hint 'nothing' in the schema 'public', but no matches were found.","hint":"Perhaps you meant 'visit_list' instead of 'visits'.","message":"Could not find a relationship between 'guests' and 'visits' in the schema cache"}"#,
        ),
        (
            "visits?select=masters(id)",
            300,
            r#"{"code":"PGRST201","details":[{"cardinality":"many-to-one","embedding":"visits with masters","relationship":"helped using visits(helper_id) and masters(id)"},{"cardinality":"many-to-one","embedding":"visits with masters","relationship":"visits_master_id_fkey using visits(master_id) and masters(id)"}],"hint":"Try changing 'masters' to one of the following: 'masters!helped', 'masters!visits_master_id_fkey'. Find the desired relationship in the 'details' key.","message":"Could not embed because more than one relationship was found for 'visits' and 'masters'"}"#,
        ),
        (
            "visits?select=masters!helped(id),masters!visits_master_id_fkey(id)",
            400,
            r#"{"code":"42712","details":null,"hint":null,"message":"table name \"visits_masters_1\" specified more than once"}"#,
        ),
        (
            "guests?select=visits(nothing)",
            400,
            r#"{"code":"42703","details":null,"hint":null,"message":"column visits_1.nothing does not exist"}"#,
        ),
        (
            "guests?select=id&visits.id=eq.1",
            400,
            r#"{"code":"PGRST108","details":null,"hint":"Verify that 'visits' is included in the 'select' query parameter.","message":"'visits' is not an embedded resource in this request"}"#,
        ),
        (
            "guests?select=id&order=visits(id)",
            400,
            r#"{"code":"PGRST108","details":null,"hint":"Verify that 'visits' is included in the 'select' query parameter.","message":"'visits' is not an embedded resource in this request"}"#,
        ),
        (
            "guests?select=id,visits(id)&order=visits(id)",
            400,
            r#"{"code":"PGRST118","details":"'guests' and 'visits' do not form a many-to-one or one-to-one relationship","hint":null,"message":"A related order on 'visits' is not possible"}"#,
        ),
        (
            "guests?select=id,visits(id)&visits=eq.1",
            400,
            r#"{"code":"PGRST120","details":"Only is null or not is null filters are allowed on embedded resources","hint":null,"message":"Bad operator on the 'visits' embedded resource"}"#,
        ),
        (
            "guests?select=visits(id)&visits.price=gt.nonsense",
            400,
            r#"{"code":"22P02","details":null,"hint":null,"message":"invalid input syntax for type numeric: \"nonsense\""}"#,
        ),
    ] {
        let answer = salon.ask(Method::GET, path, &[], None).await?;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (status, body), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_new_foreign_key_is_seen_after_the_first_refusal() -> Result<()> {
    let salon = Salon::set_up().await?;
    let path = "guests?select=id,alone(id)&id=eq.1";
    assert_eq!(salon.ask(Method::GET, path, &[], None).await?.status, 400);
    let (old, _) = salon.site.databases().await?;
    sqlx::raw_sql("alter table alone add guest_id integer references guests")
        .execute(&old)
        .await?;
    let began = std::time::Instant::now();
    while salon.ask(Method::GET, path, &[], None).await?.status != 200 {
        assert!(began.elapsed().as_secs() < 10);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(salon.read(path).await?, r#"[{"id":1,"alone":[]}]"#);
    Ok(())
}
