//! Versions of PostgreSQL: two sides of different versions are equal byte for byte, whatever their sessions' defaults, and the core of a
//! move works on each version.

mod samples;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, raw_sql};
use turnout_tests::{Host, Site, eventually};

use samples::{Sample, TYPES};

/// The defaults of each side's sessions. They differ in all that the text of a value depends on.
const DEFAULTS: [&str; 2] = [
    "alter role postgres set timezone = 'Asia/Kolkata'; alter role postgres set datestyle = 'SQL, DMY';
     alter role postgres set intervalstyle = 'iso_8601'; alter role postgres set extra_float_digits = 0;
     alter role postgres set bytea_output = 'escape'; alter role postgres set search_path = elsewhere, public;
     alter role postgres set xmloption = 'document'; alter role postgres set lc_monetary = 'POSIX'",
    "alter database postgres set timezone = 'America/St_Johns'; alter database postgres set datestyle = 'German';
     alter database postgres set intervalstyle = 'sql_standard'; alter database postgres set extra_float_digits = -3;
     alter database postgres set bytea_output = 'hex'; alter database postgres set search_path = public;
     alter database postgres set array_nulls = off",
];

/// Takes back what the driver sets when it connects, and what no client could set back with `default`.
const AS_THE_DEFAULTS: [&str; 2] = [
    "set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set extra_float_digits = 0",
    "set timezone = 'America/St_Johns'; set datestyle = 'German'; set extra_float_digits = -3",
];

const DUALWRITE: &str = "[default]\nstage = 'dualwrite'\n";
const LIVE: &str = "[default]\nstage = 'live'\n";
const PHONE: &str = "89990001111";

/// A site whose sides have these versions, with a table `samples` that has a column for each sample. It is filled on `old` alone.
async fn set_up(versions: [u32; 2], samples: &[Sample]) -> Result<Site> {
    let site = Site::set_up_on(versions).await?;
    let columns = samples.iter().enumerate();
    let columns = columns
        .map(|(place, sample)| format!(", c{place} {}", sample.kind))
        .collect::<Vec<_>>()
        .concat();
    let schema = format!("{TYPES} create schema elsewhere; create table samples (id bigint primary key{columns});");
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(AssertSqlSafe(schema.as_str())).execute(side).await?;
    }
    raw_sql("insert into samples (id) values (1), (2)")
        .execute(&old)
        .await?;
    for (place, sample) in samples.iter().enumerate() {
        let put = format!("update samples set c{place} = $1::text::{} where id = 1", sample.kind);
        let put = sqlx::query(AssertSqlSafe(put)).bind(sample.literal).execute(&old);
        put.await
            .with_context(|| format!("{} {}", sample.kind, sample.literal))?;
    }
    for (side, defaults) in [&old, &new].into_iter().zip(DEFAULTS) {
        raw_sql(defaults).execute(side).await?;
    }
    site.configure(&[("repositories.samples", "{ key = ['id'] }")])?;
    site.route(DUALWRITE)?;
    for side in ["old", "new"] {
        site.turnout(&["install", side])?;
    }
    Ok(site)
}

/// Waits until both sides are compared and everything is mirrored.
async fn settled(host: &Host, databases: &[PgPool; 2]) -> Result<()> {
    host.status_with("both sides are compared", |status| status["converging"] == json!([]))
        .await;
    let held = eventually("nothing is pending", async || {
        let mut held: Vec<String> = Vec::new();
        for side in databases {
            let reasons = sqlx::query_scalar("select reason from turnout.held").fetch_all(side);
            held.extend(reasons.await.ok()?);
            let pending = sqlx::query_scalar::<_, i64>("select count(*) from turnout.dirty").fetch_one(side);
            (pending.await.ok()? == 0).then_some(())?;
        }
        Some(held)
    })
    .await;
    ensure!(held.is_empty(), "rows are refused: {held:?}");
    Ok(())
}

fn verify(site: &Site) -> Result<()> {
    let printed: Value = serde_json::from_str(&site.turnout(&["verify", "--json"])?)?;
    assert_eq!(printed["verdict"], "equal", "{printed}");
    Ok(())
}

/// What the functions of the comparison say of `samples`.
struct Said {
    /// The hash of the row with all values, of each column alone.
    hashes: Vec<String>,
    /// The texts of that row.
    texts: Value,
    /// The answers for all columns: `digest`, `key_order`, the keys and hashes of `look`.
    whole: [Value; 3],
}

async fn ask(url: &str, defaults: &str, samples: usize) -> Result<Said> {
    let mut side = PgConnection::connect(url).await?;
    raw_sql(AssertSqlSafe(defaults)).execute(&mut side).await?;
    let columns: Vec<String> = (0..samples).map(|place| format!("c{place}")).collect();
    let hashes: Vec<String> = sqlx::query_scalar(
        "select turnout.rows_between(
                'public', 'samples', array[name], array['id'], '{\"id\":0}', '{\"id\":1}', 1, '{0}'
            ) #>> '{0,hash}'
        from unnest($1::text[]) with ordinality as c (name, place) order by place",
    )
    .bind(&columns)
    .fetch_all(&mut side)
    .await?;
    let answers: (String, String, String, String) = sqlx::query_as(
        r#"select turnout.texts('public', 'samples', $1, '{"{\"id\":1}"}')::text,
            turnout.digest('public', 'samples', $1, '{id}', null, null, 10, 4)::text,
            (select row_to_json(key_order)::text from turnout.key_order('public', 'samples')),
            (select json_agg(json_build_array(row ->> 'key', row ->> 'hash') order by row ->> 'key')::text
                from json_array_elements(turnout.look('public', 'samples', $1, '{"{\"id\":1}","{\"id\":2}"}')) as row)"#,
    )
    .bind(&columns)
    .fetch_one(&mut side)
    .await?;
    let (texts, digest, key_order, look) = answers;
    let json = |text: &str| serde_json::from_str::<Value>(text);
    Ok(Said {
        hashes,
        texts: json(&texts)?[0]["row"].take(),
        whole: [json(&digest)?, json(&key_order)?, json(&look)?],
    })
}

/// The SHA-256 of a row with this text alone, as PostgreSQL writes rows.
fn hash(text: &str) -> String {
    let is_quoted = text.is_empty() || text.contains(|c: char| "\"\\(),".contains(c) || c.is_ascii_whitespace());
    let doubled = text.replace('\\', "\\\\").replace('"', "\"\"");
    let row = if is_quoted {
        format!("(\"{doubled}\")")
    } else {
        format!("({text})")
    };
    hex::encode(Sha256::digest(row))
}

/// The samples have the same texts and digests on both sides, and those that they should have.
async fn compare(site: &Site, samples: &[Sample]) -> Result<()> {
    let [of_old, of_new] = AS_THE_DEFAULTS;
    let (old, new) = tokio::try_join!(
        ask(site.old.url(), of_old, samples.len()),
        ask(site.new.url(), of_new, samples.len())
    )?;
    for (place, sample) in samples.iter().enumerate() {
        let what = format!("{} {}", sample.kind, sample.literal);
        let column = format!("c{place}");
        // These types have casts to text of their own.
        let cast = match sample.kind {
            "boolean" => "false",
            "xml" => sample.literal,
            _ => sample.text,
        };
        for (name, side) in [("old", &old), ("new", &new)] {
            assert_eq!(side.texts[&column], cast, "{what} on {name}");
            assert_eq!(side.hashes[place], hash(sample.text), "{what} on {name}");
        }
    }
    assert_eq!(old.whole, new.whole);
    Ok(())
}

/// Goes through a move on two versions.
async fn works(versions: [u32; 2]) -> Result<()> {
    let samples = Sample::of(versions[0].min(versions[1]));
    let site = set_up(versions, &samples).await?;
    let host = site.host().await?;
    let databases: [PgPool; 2] = site.databases().await?.into();
    settled(&host, &databases).await?;
    verify(&site)?;
    compare(&site, &samples).await?;

    let path = format!("/rest/v1/clients?phone=eq.{PHONE}&select=name,visit_count");
    let client = json!({ "name": "x", "phone": PHONE, "visit_count": 1 });
    let written = host.write(Method::POST, "/rest/v1/clients", &client).await?;
    assert_eq!(
        (written.status.as_u16(), written.backend()),
        (201, "old"),
        "{}",
        written.text
    );
    for (stage, side, visits) in [(LIVE, "new", 2), (DUALWRITE, "old", 3)] {
        site.route(stage)?;
        let read = eventually("the authority has moved or the change is refused", async || {
            let status = host.get("/v1/status").await.ok()?.json();
            let read = host.get(&path).await.ok()?;
            (read.backend() == side || !status["refused"].is_null()).then_some((read, status))
        });
        let (read, status) = read.await;
        assert_eq!(status["refused"], Value::Null, "{versions:?}");
        assert_eq!(
            read.json(),
            json!([{ "name": "x", "visit_count": visits - 1 }]),
            "{side}"
        );
        let change = json!({ "visit_count": visits });
        let changed = host.write(Method::PATCH, &path, &change).await?;
        assert_eq!(
            (changed.status.as_u16(), changed.backend()),
            (200, side),
            "{}",
            changed.text
        );
        settled(&host, &databases).await?;
        verify(&site)?;
    }
    Ok(())
}

#[tokio::test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "the packages of PostgreSQL are for Linux on x86-64"
)]
async fn a_move_from_13_to_14_keeps_every_type() -> Result<()> {
    works([13, 14]).await
}

#[tokio::test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "the packages of PostgreSQL are for Linux on x86-64"
)]
async fn a_move_from_15_to_17_keeps_every_type() -> Result<()> {
    works([15, 17]).await
}

#[tokio::test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "the packages of PostgreSQL are for Linux on x86-64"
)]
async fn a_move_from_18_to_16_keeps_every_type() -> Result<()> {
    works([18, 16]).await
}
