//! The forms that answers have.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use super::samples::Samples;

const STRIPPED_ROWS: &str = "application/vnd.pgrst.array+json;nulls=stripped";
const STRIPPED_OBJECT: &str = "application/vnd.pgrst.object+json;nulls=stripped";

#[tokio::test]
async fn rows_come_as_json_without_nulls_or_as_lines() -> Result<()> {
    let samples = Samples::set_up().await?;
    for (path, accept, status, body) in [
        (
            "samples?select=id,name,data->city&order=id&id=in.(3,4)",
            STRIPPED_ROWS,
            200,
            r#"[{"id":3},{"id":4,"name":"100%"}]"#,
        ),
        ("samples?select=id&id=eq.99", STRIPPED_ROWS, 200, "[]"),
        ("samples?select=id,name&id=eq.3", STRIPPED_OBJECT, 200, r#"{"id":3}"#),
        (
            "samples?select=id&id=lt.3",
            STRIPPED_OBJECT,
            406,
            r#"{"code":"PGRST116","details":"The result contains 2 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}"#,
        ),
        (
            "samples?select=id,name,tags,city:data->>city&order=id&id=neq.4",
            "text/csv",
            200,
            "id,name,tags,city\n1,anna,\"{red,blue}\",Moscow\n2,Boris,{blue},Omsk\n3,,,",
        ),
        ("samples?select=id&id=eq.99", "text/csv", 200, "\n"),
        (
            "samples?select=id",
            "text/unknowntype, image/png",
            406,
            r#"{"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: text/unknowntype, image/png"}"#,
        ),
    ] {
        let answer = samples.ask(Method::GET, path, &[("accept", accept)]).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (status, body),
            "{path} {accept}"
        );
        if status == 200 {
            assert_eq!(answer.header("content-type"), format!("{accept}; charset=utf-8"));
        }
    }
    let counted = samples
        .ask(
            Method::GET,
            "samples?select=id&limit=2&order=id",
            &[("accept", "text/csv"), ("prefer", "count=exact")],
        )
        .await?;
    assert_eq!(
        (counted.status.as_u16(), counted.header("content-range")),
        (206, "0-1/4")
    );
    Ok(())
}

#[tokio::test]
async fn written_rows_come_in_every_form_too() -> Result<()> {
    let samples = Samples::set_up().await?;
    for (id, accept, body) in [
        (10, "text/csv", "id,name,level\n10,,7"),
        (11, STRIPPED_ROWS, r#"[{"id":11,"level":7}]"#),
        (12, STRIPPED_OBJECT, r#"{"id":12,"level":7}"#),
        (13, "*/*", r#"[{"id":13,"name":null,"level":7}]"#),
    ] {
        let request = samples
            .host
            .request(Method::POST, "/rest/v1/samples?select=id,name,level")
            .header("prefer", "return=representation")
            .header("accept", accept)
            .json(&json!({"id": id}));
        let answer = samples.host.send(request).await?;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, body), "{accept}");
    }
    Ok(())
}

#[tokio::test]
async fn rows_are_aggregated_where_that_is_allowed() -> Result<()> {
    let samples = Samples::set_up_with(&[("api.aggregates", "true")]).await?;
    for (path, body) in [
        ("staff?select=count()", r#"[{"count":8}]"#),
        ("staff?select=count", r#"[{"count":8}]"#),
        (
            "staff?select=n:count()::text,rating.max(),low:rating.min()&id=lt.4",
            r#"[{"n":"3","max":4.95,"low":4.80}]"#,
        ),
        (
            "staff?select=specialization,count()&order=specialization&id=lt.6",
            r#"[{"specialization":"Барбер","count":3},{"specialization":"Колорист","count":1},{"specialization":"Стилист","count":1}]"#,
        ),
        (
            "samples?select=city:data->>city,level.sum()::int,data->>age::text.count()&id=eq.2",
            r#"[{"city":"Omsk","sum":7,"count":1}]"#,
        ),
        (
            "bookings?select=id.count(),staff(name)&staff_id=eq.7",
            r#"[{"count":324,"staff":{"name": "Anna Petrova"}}]"#,
        ),
        (
            "staff?select=name,bookings(count)&id=eq.7",
            r#"[{"name":"Anna Petrova","bookings":[{"count":324}]}]"#,
        ),
        (
            "staff?select=name,bookings(status,price.max())&id=eq.7&bookings.status=eq.no_show",
            r#"[{"name":"Anna Petrova","bookings":[{"status":"no_show","max":9800.50}]}]"#,
        ),
    ] {
        assert_eq!(samples.read(path).await?, body, "{path}");
    }
    let counted = samples
        .ask(Method::GET, "staff?select=count()", &[("prefer", "count=exact")])
        .await?;
    assert_eq!(counted.header("content-range"), "0-0/8");
    let none = Samples::set_up().await?;
    let refused = none.ask(Method::GET, "staff?select=id.max()", &[]).await?;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.text,
        r#"{"code":"PGRST123","details":null,"hint":null,"message":"Use of aggregate functions is not allowed"}"#
    );
    assert_eq!(none.read("staff?select=count").await?, r#"[{"count":8}]"#);
    Ok(())
}

#[tokio::test]
async fn rows_are_also_sent_as_lines_and_as_a_form() -> Result<()> {
    let samples = Samples::set_up().await?;
    let csv = "text/csv";
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let added = "id,name,tags,level\n20,\"Ольга, мл.\",\"{a,\"\"b c\"\"}\",3\n21,NULL,NULL,4\n";
    let upsert = "return=representation, resolution=merge-duplicates";
    for (method, path, content_type, prefer, sent, status, body) in [
        (
            Method::POST,
            "samples?select=id,name,tags,level",
            csv,
            "return=representation",
            added,
            201,
            r#"[{"id":20,"name":"Ольга, мл.","tags":["a","b c"],"level":3},{"id":21,"name":null,"tags":null,"level":4}]"#,
        ),
        (
            Method::POST,
            "samples?select=id,level",
            csv,
            upsert,
            "id,level\n20,30\n22,31",
            201,
            r#"[{"id":20,"level":30},{"id":22,"level":31}]"#,
        ),
        (
            Method::PATCH,
            "samples?id=eq.21&select=name",
            csv,
            "return=representation",
            "name\nx\n",
            200,
            r#"[{"name":"x"}]"#,
        ),
        (
            Method::POST,
            "samples?select=id,name,level",
            form,
            "return=representation",
            "id=23&name=a%20%26+b&level=5",
            201,
            r#"[{"id":23,"name":"a & b","level":5}]"#,
        ),
        (
            Method::PATCH,
            "samples?id=eq.23&select=name",
            form,
            "return=representation",
            "name=",
            200,
            r#"[{"name":""}]"#,
        ),
        (
            Method::POST,
            "samples",
            csv,
            "return=representation",
            "id,name\n24",
            400,
            r#"{"code":"PGRST102","details":null,"hint":null,"message":"All lines must have same number of fields"}"#,
        ),
    ] {
        let request = samples.host.request(method.clone(), &format!("/rest/v1/{path}"));
        let request = request.header("content-type", content_type).header("prefer", prefer);
        let answer = samples.host.send(request.body(sent)).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.text.replace(", \n ", ",").as_str()),
            (status, body),
            "{method} {sent}"
        );
    }
    Ok(())
}

/// What stands in for the function of `PostGIS`.
const POSTGIS: &str = "create function st_asgeojson(feature record) returns text language plpgsql as $$
    begin return json_build_object('type', 'Feature', 'properties', to_json(feature)); end $$";

#[tokio::test]
async fn rows_are_features_where_postgis_is_there() -> Result<()> {
    let samples = Samples::set_up().await?;
    let path = "samples?select=id&id=lt.3&order=id";
    let accept = [("accept", "application/geo+json")];
    let without = samples.ask(Method::GET, path, &accept).await?;
    assert_eq!(
        (without.status.as_u16(), &without.json()["message"]),
        (404, &json!("function st_asgeojson(record) does not exist"))
    );
    let (old, _) = samples.site.databases().await?;
    sqlx::raw_sql(POSTGIS).execute(&old).await?;
    let features = samples.ask(Method::GET, path, &accept).await?;
    assert_eq!(features.header("content-type"), "application/geo+json; charset=utf-8");
    assert_eq!(
        features.json(),
        json!({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {"id": 1}},
            {"type": "Feature", "properties": {"id": 2}},
        ]}),
        "{}",
        features.text
    );
    let none = samples.ask(Method::GET, "samples?select=id&id=eq.99", &accept).await?;
    assert_eq!(none.json()["features"], json!([]));
    Ok(())
}
