//! Written rows that are answered with their related rows.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use super::salon::Salon;

const WHOLE: (&str, &str) = ("prefer", "return=representation");
const UPSERT: (&str, &str) = ("prefer", "return=representation,resolution=merge-duplicates");
const OBJECT: (&str, &str) = ("accept", "application/vnd.pgrst.object+json");

#[tokio::test]
async fn written_rows_are_answered_with_their_related_rows() -> Result<()> {
    let salon = Salon::set_up().await?;
    let row = json!({"id": 9, "guest_id": 2, "master_id": 2});
    for (method, path, headers, rows, status, body) in [
        (
            Method::POST,
            "visits?select=id,guests(name,cards(number)),...master:masters",
            &[WHOLE][..],
            Some(row.clone()),
            400,
            None,
        ),
        (
            Method::POST,
            "visits?select=id,guests(name,cards(number)),...masters!master_id(master:name)",
            &[WHOLE],
            Some(row.clone()),
            201,
            Some(r#"[{"id":9,"guests":{"name":"Boris","cards":null},"master":"Pavel"}]"#),
        ),
        (
            Method::POST,
            "visits?select=id,price,label,guests(name)",
            &[UPSERT],
            Some(json!([{"id": 9, "price": 5, "guest_id": 1}])),
            200,
            Some(r#"[{"id":9,"price":5.00,"label":"9/5.00","guests":{"name":"Anna"}}]"#),
        ),
        (
            Method::PATCH,
            "guests?id=eq.1&select=name,visits(id),dear_visits(id)&visits.id=lt.3",
            &[WHOLE, OBJECT],
            Some(json!({"name": "Hanna"})),
            200,
            Some(r#"{"name":"Hanna","visits":[{"id":1},{"id":2}],"dear_visits":[{"id":2}]}"#),
        ),
        (
            Method::PATCH,
            "guests?id=in.(1,3)&select=id,visits!inner()",
            &[WHOLE],
            Some(json!({"name": "Ivan"})),
            200,
            Some(r#"[{"id":1}]"#),
        ),
        (
            Method::DELETE,
            "visits?id=eq.3&select=id,treats(title),guests(id)",
            &[WHOLE],
            None,
            200,
            Some(r#"[{"id":3,"treats":[{"title":"cut"}],"guests":{"id":2}}]"#),
        ),
    ] {
        let answer = salon.ask(method.clone(), path, headers, rows.as_ref()).await?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if let Some(body) = body {
            assert_eq!(answer.text.replace(", \n ", ","), body, "{method} {path}");
        }
    }
    // What is embedded chooses the rows of the answer, not those that are written.
    assert_eq!(salon.read("guests?select=name&id=eq.3").await?, r#"[{"name":"Ivan"}]"#);
    Ok(())
}
