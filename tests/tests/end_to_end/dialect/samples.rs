//! A site with a table of many types, and a host that serves it.

use anyhow::Result;
use reqwest::Method;
use sqlx::raw_sql;
use turnout_tests::{Answer, Host, Site};

const TABLE: &str = "
    create table samples (
        id integer primary key,
        name text,
        data jsonb,
        raw json,
        tags text[],
        span int4range,
        words tsvector,
        seen timestamptz not null default '2026-01-02 03:04:05+00',
        level integer not null default 7
    );
    insert into samples (id, name, data, raw, tags, span, words) values
        (1, 'anna', '{\"city\": \"Moscow\", \"age\": 30, \"pets\": [\"cat\", \"dog\"], \"at\": {\"x\": 1}}', '{\"a\": 1}',
         '{red,blue}', '[1,5)', to_tsvector('english', 'the quick brown fox')),
        (2, 'Boris', '{\"city\": \"Omsk\", \"age\": 4, \"pets\": [], \"at\": {\"x\": 2}}', '{\"a\": 2}',
         '{blue}', '[5,9)', to_tsvector('english', 'lazy dogs sleep')),
        (3, null, null, null, null, null, null),
        (4, '100%', '{\"city\": null, \"age\": \"n/a\", \"it''s\": true}', '[1]', '{}', '[20,30)', to_tsvector('english', 'foxes'));
    analyze samples;
";

/// The site and its host. Dropping it removes both.
pub(super) struct Samples {
    _site: Site,
    pub(super) host: Host,
}

impl Samples {
    /// Makes the table `samples` on both sides and has it served.
    pub(super) async fn set_up() -> Result<Self> {
        Self::set_up_with(&[]).await
    }

    /// The same with these settings.
    pub(super) async fn set_up_with(settings: &[(&str, &str)]) -> Result<Self> {
        let site = Site::set_up().await?;
        let (old, new) = site.databases().await?;
        for side in [&old, &new] {
            raw_sql(TABLE).execute(side).await?;
        }
        let mut all = vec![("repositories.samples.key", "['id']")];
        all.extend(settings);
        site.configure(&all)?;
        for side in ["old", "new"] {
            site.turnout(&["install", side])?;
        }
        let host = site.host().await?;
        Ok(Self { _site: site, host })
    }

    /// Sends a request without a body, with these headers.
    pub(super) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.host.request(method, &format!("/rest/v1/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.host.send(request).await
    }

    /// The body that a read is answered with, without the line breaks of `json_agg`. The status must be 200.
    pub(super) async fn read(&self, path: &str) -> Result<String> {
        let answer = self.ask(Method::GET, path, &[]).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        Ok(answer.text.replace(", \n ", ","))
    }

    /// The status and the code that a read is refused with.
    pub(super) async fn refused(&self, path: &str) -> Result<(u16, String)> {
        let answer = self.ask(Method::GET, path, &[]).await?;
        let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
        Ok((answer.status.as_u16(), code))
    }
}
