//! Which key opens which path.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use turnout_tests::{Answer, Host, Site};

const PATHS: [&str; 6] = [
    "/rest/v1/clients?select=phone&limit=1",
    "/rest/v1/no_such_table",
    "/v1/status",
    "/metrics",
    "/nowhere",
    "/",
];

async fn asked(host: &Host, path: &str, header: Option<(&str, &str)>) -> Result<Answer> {
    let request = host.bare(Method::GET, path);
    host.send(
        header
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value)),
    )
    .await
}

#[tokio::test]
async fn each_key_opens_its_own_paths_only() -> Result<()> {
    let site = Site::set_up().await?;
    site.configure(&[("api.metrics_key", "'scraper-key'")])?;
    let host = site.host().await?;
    for path in PATHS {
        let keyless = asked(&host, path, None).await?;
        assert_eq!(
            keyless.json(),
            json!({"code": "PGRST302", "details": null, "message": "Anonymous access is disabled",
                   "hint": "Send the key in the apikey header, or as a bearer token in the authorization header."}),
        );
        assert_eq!(
            (keyless.status.as_u16(), keyless.header("www-authenticate")),
            (401, "Bearer")
        );
        let almost = &Site::KEY[1..];
        for header in [
            ("apikey", almost),
            ("apikey", ""),
            ("authorization", "Bearer wrong"),
            ("authorization", Site::KEY),
        ] {
            let wrong = asked(&host, path, Some(header)).await?;
            assert_eq!(
                (wrong.status.as_u16(), &wrong.json()["code"]),
                (401, &json!("PGRST301")),
                "{path} {header:?}"
            );
            assert_eq!(wrong.backend(), "", "{path} {header:?}");
        }
    }
    for (key, statuses) in [
        (Site::KEY, [200, 404, 403, 403, 404, 404]),
        (Site::ADMIN_KEY, [200, 404, 200, 200, 404, 404]),
        ("scraper-key", [401, 401, 200, 200, 401, 401]),
    ] {
        for header in [("apikey", key), ("authorization", &format!("Bearer {key}"))] {
            for (path, status) in PATHS.into_iter().zip(statuses) {
                assert_eq!(
                    asked(&host, path, Some(header)).await?.status,
                    status,
                    "{path} {header:?}"
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn health_and_readiness_are_told_to_anybody() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = asked(&host, path, None).await?;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, text));
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_write_is_not_done() -> Result<()> {
    let site = Site::set_up().await?;
    let host = site.host().await?;
    let (old, _) = site.databases().await?;
    let delete = host.bare(Method::DELETE, "/rest/v1/staff_schedules?id=gt.0");
    assert_eq!(host.send(delete.header("apikey", "guess")).await?.status, 401);
    let rows: i64 = sqlx::query_scalar("select count(*) from staff_schedules")
        .fetch_one(&old)
        .await?;
    assert_eq!(rows, 960);
    Ok(())
}
