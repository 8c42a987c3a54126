//! `Prefer`: what it does to answers, and what `Preference-Applied` says of it.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use turnout_tests::Answer;

use super::samples::Samples;

impl Samples {
    /// Sends rows with these preferences.
    async fn prefer(&self, method: Method, path: &str, prefer: &str, rows: &Value) -> Result<Answer> {
        let request = self.host.request(method, &format!("/rest/v1/{path}"));
        self.host.send(request.header("prefer", prefer).json(rows)).await
    }
}

#[tokio::test]
async fn missing_columns_get_null_or_their_defaults() -> Result<()> {
    let samples = Samples::set_up().await?;
    let path = "samples?columns=id,name,level,seen&select=id,name,level,seen";
    let rows = json!([{"id": 10, "name": "x"}, {"id": 11, "level": 1}]);
    let added = samples
        .prefer(Method::POST, path, "missing=default, return=representation", &rows)
        .await?;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(
        added.json(),
        json!([{"id": 10, "name": "x", "level": 7, "seen": "2026-01-02T03:04:05+00:00"},
               {"id": 11, "name": null, "level": 1, "seen": "2026-01-02T03:04:05+00:00"}])
    );
    assert_eq!(
        added.header("preference-applied"),
        "missing=default, return=representation"
    );
    let null = samples
        .prefer(Method::POST, path, "missing=null", &json!({"id": 12}))
        .await?;
    assert_eq!((null.status.as_u16(), &null.json()["code"]), (400, &json!("23502")));
    let kept = samples
        .prefer(Method::POST, path, "missing=default", &json!({"id": 12, "level": null}))
        .await?;
    assert_eq!(kept.json()["code"], "23502", "a null that was sent stays null");
    let changed = samples
        .prefer(
            Method::PATCH,
            "samples?id=eq.11&columns=name,level&select=name,level",
            "missing=default, return=representation",
            &json!({"name": "y"}),
        )
        .await?;
    assert_eq!(changed.json(), json!([{"name": "y", "level": 7}]));
    Ok(())
}

#[tokio::test]
async fn a_default_is_evaluated_for_each_row_sent() -> Result<()> {
    let samples = Samples::set_up().await?;
    for ids in [[100, 2], [100, 4]] {
        let added = samples
            .prefer(
                Method::POST,
                "numbered?columns=id,slug&select=id",
                "missing=default, return=representation, resolution=merge-duplicates",
                &json!([{"id": 100}, {"slug": "x"}]),
            )
            .await?;
        assert_eq!(added.json(), json!([{"id": ids[0]}, {"id": ids[1]}]), "{}", added.text);
    }
    Ok(())
}

#[tokio::test]
async fn a_write_of_too_many_rows_is_taken_back() -> Result<()> {
    let samples = Samples::set_up().await?;
    let strict = "handling=strict, max-affected=2, return=representation";
    for (method, path) in [(Method::PATCH, "samples?id=gt.1"), (Method::DELETE, "samples?id=gt.1")] {
        let refused = samples
            .prefer(method.clone(), path, strict, &json!({"level": 0}))
            .await?;
        assert_eq!(refused.status, 400, "{method}");
        assert_eq!(
            refused.text,
            r#"{"code":"PGRST124","details":"The query affects 3 rows","hint":null,"message":"Query result exceeds max-affected preference constraint"}"#
        );
    }
    assert_eq!(samples.read("samples?select=id&level=eq.0").await?, "[]");
    let few = samples
        .prefer(Method::PATCH, "samples?id=gt.2", strict, &json!({"level": 0}))
        .await?;
    assert_eq!(
        (few.status.as_u16(), few.header("preference-applied")),
        (200, "return=representation, handling=strict, max-affected=2")
    );
    let lenient = samples
        .prefer(
            Method::DELETE,
            "samples?id=gt.1",
            "handling=lenient, max-affected=1",
            &Value::Null,
        )
        .await?;
    assert_eq!(
        (lenient.status.as_u16(), lenient.header("preference-applied")),
        (204, "handling=lenient")
    );
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_write_answers_and_changes_nothing() -> Result<()> {
    let samples = Samples::set_up().await?;
    let before = samples.read("samples?order=id").await?;
    for (method, path, rows, status) in [
        (Method::POST, "samples?select=id", json!({"id": 50}), 201),
        (Method::PATCH, "samples?id=eq.1&select=id", json!({"name": "z"}), 200),
        (Method::DELETE, "samples?id=eq.1&select=id", Value::Null, 200),
    ] {
        let answer = samples
            .prefer(method.clone(), path, "tx=rollback, return=representation", &rows)
            .await?;
        assert_eq!(answer.status.as_u16(), status, "{method} {}", answer.text);
        assert_eq!(answer.json().as_array().map(Vec::len), Some(1));
        assert_eq!(
            answer.header("preference-applied"),
            "return=representation, tx=rollback",
            "{method}"
        );
        assert_eq!(answer.header("x-turnout-mirror"), "off");
    }
    assert_eq!(samples.read("samples?order=id").await?, before);
    let committed = samples
        .prefer(Method::POST, "samples", "tx=commit", &json!({"id": 50}))
        .await?;
    assert_eq!(
        (committed.status.as_u16(), committed.header("preference-applied")),
        (201, "tx=commit")
    );
    Ok(())
}

#[tokio::test]
async fn times_are_read_and_shown_in_the_time_zone_asked_for() -> Result<()> {
    let samples = Samples::set_up().await?;
    let path = "samples?select=seen&id=eq.1";
    let read = samples
        .ask(Method::GET, path, &[("prefer", "timezone=America/Los_Angeles")])
        .await?;
    assert_eq!(read.text, r#"[{"seen":"2026-01-01T19:04:05-08:00"}]"#);
    assert_eq!(read.header("preference-applied"), "timezone=America/Los_Angeles");
    let written = samples
        .prefer(
            Method::PATCH,
            path,
            "timezone=Asia/Tokyo, return=representation",
            &json!({"seen": "2026-05-05T12:00:00"}),
        )
        .await?;
    assert_eq!(written.text, r#"[{"seen":"2026-05-05T12:00:00+09:00"}]"#);
    assert_eq!(samples.read(path).await?, r#"[{"seen":"2026-05-05T03:00:00+00:00"}]"#);

    let unknown = samples
        .ask(Method::GET, path, &[("prefer", "timezone=Jupiter/Red_Spot")])
        .await?;
    assert_eq!(
        (unknown.status.as_u16(), unknown.header("preference-applied")),
        (200, "")
    );
    let refused = samples
        .ask(
            Method::GET,
            path,
            &[("prefer", "handling=strict, timezone=Jupiter/Red_Spot")],
        )
        .await?;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.text,
        r#"{"code":"PGRST122","details":"Invalid preferences: timezone=Jupiter/Red_Spot","hint":null,"message":"Invalid preferences given with handling=strict"}"#
    );
    Ok(())
}
