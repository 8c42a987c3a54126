//! `turnout preflight` and `turnout schema diff`: every defect that is planted is named, and goes when its remedy is pasted.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use turnout_tests::{Site, turnout};

/// What a preflight found.
struct Found {
    status: Option<i32>,
    findings: Vec<Value>,
}

fn preflight(site: &Site) -> Result<Found> {
    preflight_with(site, &[])
}

fn preflight_with(site: &Site, environment: &[(&str, &String)]) -> Result<Found> {
    let output = turnout()
        .envs(environment.iter().copied())
        .arg("--config")
        .arg(site.config())
        .args(["preflight", "--json"])
        .output()?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    let said: Value = serde_json::from_str(&out).with_context(|| format!("{out}{err}"))?;
    Ok(Found {
        status: output.status.code(),
        findings: said["findings"].as_array().cloned().unwrap_or_default(),
    })
}

impl Found {
    fn finding(&self, kind: &str, object: &str) -> Option<&Value> {
        self.findings
            .iter()
            .find(|finding| finding["kind"] == kind && finding["object"].as_str().unwrap_or_default() == object)
    }

    fn blocking(&self) -> Vec<&Value> {
        let blocks = |finding: &&Value| finding["severity"] == "blocks";
        self.findings.iter().filter(blocks).collect()
    }
}

/// A side, and what is done to it.
type Done<'a> = (&'a str, &'a str);

/// Something that breaks a migration.
struct Defect<'a> {
    planted: &'a [Done<'a>],
    kind: &'a str,
    object: &'a str,
    severity: &'a str,
}

struct Sides {
    old: PgPool,
    new: PgPool,
}

impl Sides {
    async fn of(site: &Site) -> Result<Self> {
        let (old, new) = site.databases().await?;
        Ok(Self { old, new })
    }

    async fn run(&self, side: &str, sql: &str) -> Result<()> {
        let pool = if side == "old" { &self.old } else { &self.new };
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await;
        done.map(drop).with_context(|| format!("on {side}: {sql}"))
    }

    /// Pastes the first remedy of a finding.
    async fn mend(&self, finding: &Value) -> Result<()> {
        let remedy = &finding["remedies"][0];
        let (side, sql) = (remedy["side"].as_str(), remedy["sql"].as_str());
        let (side, sql) = side.zip(sql).with_context(|| format!("no remedy: {finding:#}"))?;
        self.run(side, sql).await
    }
}

/// Plants each defect alone, and looks whether it is named and whether each of its remedies ends it.
async fn named_and_mended(defects: &[Defect<'_>]) -> Result<()> {
    let site = Site::set_up().await?;
    let sides = Sides::of(&site).await?;
    let before = preflight(&site)?;
    ensure!(before.status == Some(0), "{:#?}", before.findings);
    for Defect {
        planted,
        kind,
        object,
        severity,
    } in defects
    {
        let plant = async || {
            for (side, sql) in *planted {
                sides.run(side, sql).await?;
            }
            anyhow::Ok(())
        };
        plant().await?;
        let found = preflight(&site)?;
        let finding = found
            .finding(kind, object)
            .with_context(|| format!("{kind} {object} is not named: {:#?}", found.findings))?;
        ensure!(finding["severity"] == *severity, "{finding:#}");
        let expected = i32::from(!found.blocking().is_empty());
        ensure!(found.status == Some(expected), "{finding:#}");
        sides.mend(finding).await?;
        let after = preflight(&site)?;
        if let Some(still) = after.finding(kind, object) {
            anyhow::bail!("the remedy did not end it: {finding:#} {still:#}");
        }
        // A table is made without what needs other tables.
        for rest in after.blocking() {
            sides.mend(rest).await?;
        }
        ensure!(
            after.status == Some(0) || preflight(&site)?.status == Some(0),
            "{:#?}",
            after.blocking()
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_columns_are_named_and_mended() -> Result<()> {
    let blocks = "blocks";
    named_and_mended(&[
        Defect {
            planted: &[("new", "alter table clients drop column notes")],
            kind: "column",
            object: "notes",
            severity: blocks,
        },
        Defect {
            planted: &[(
                "old",
                "alter table clients add column \"Odd \"\"name\" text not null default 'x'",
            )],
            kind: "column",
            object: "Odd \"name",
            severity: blocks,
        },
        Defect {
            planted: &[("new", "alter table services alter column price type numeric(8, 1)")],
            kind: "type",
            object: "price",
            severity: blocks,
        },
        Defect {
            planted: &[("new", "alter table clients alter column visit_count drop default")],
            kind: "default",
            object: "visit_count",
            severity: blocks,
        },
        Defect {
            planted: &[(
                "new",
                "alter table clients alter column id drop default; drop sequence clients_id_seq",
            )],
            kind: "default",
            object: "id",
            severity: blocks,
        },
        Defect {
            planted: &[("new", "alter table clients alter column name drop not null")],
            kind: "not_null",
            object: "name",
            severity: blocks,
        },
        Defect {
            planted: &[("new", "alter table staff alter column name type text collate \"C\"")],
            kind: "collation",
            object: "name",
            severity: "warns",
        },
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_constraints_and_rows_are_named_and_mended() -> Result<()> {
    let blocks = "blocks";
    named_and_mended(&[
        Defect {
            planted: &[("new", "alter table clients drop constraint clients_phone_key")],
            kind: "unique",
            object: "clients_phone_key",
            severity: blocks,
        },
        Defect {
            planted: &[
                (
                    "old",
                    "create unique index by_title on services (lower(title)) where id < 100",
                ),
                ("new", "update services set title = 'Same' where id in (1, 2, 3)"),
            ],
            kind: "unique",
            object: "by_title",
            severity: blocks,
        },
        Defect {
            planted: &[(
                "new",
                "alter table staff_schedules drop constraint staff_schedules_pkey cascade",
            )],
            kind: "unique",
            object: "staff_schedules_pkey",
            severity: blocks,
        },
        Defect {
            planted: &[
                (
                    "new",
                    "alter table services add constraint minutes_fit check (minutes > 0) not valid",
                ),
                ("old", "update services set minutes = 0 where id in (1, 2)"),
            ],
            kind: "check",
            object: "minutes_fit",
            severity: blocks,
        },
        Defect {
            planted: &[(
                "old",
                "alter table services add constraint price_fits check (price >= 0)",
            )],
            kind: "check",
            object: "price_fits",
            severity: blocks,
        },
        Defect {
            planted: &[
                ("old", "alter table bookings drop constraint bookings_service_id_fkey"),
                ("old", "update bookings set service_id = 4711 where id in (1, 2)"),
            ],
            kind: "foreign_key",
            object: "bookings_service_id_fkey",
            severity: blocks,
        },
        Defect {
            planted: &[
                ("old", "alter table services alter column title drop not null"),
                ("old", "update services set title = null where id = 3"),
            ],
            kind: "not_null",
            object: "title",
            severity: blocks,
        },
        Defect {
            planted: &[("new", "drop table staff_schedules")],
            kind: "table",
            object: "public.staff_schedules",
            severity: blocks,
        },
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_beside_tables_are_named_and_mended() -> Result<()> {
    let (blocks, warns) = ("blocks", "warns");
    let touched = "create function touched() returns trigger language plpgsql as 'begin return new; end'";
    named_and_mended(&[
        Defect {
            planted: &[("old", "create extension citext")],
            kind: "extension",
            object: "citext",
            severity: warns,
        },
        Defect {
            planted: &[
                (
                    "old",
                    "create type mood as enum ('glad', 'calm', 'sad'); alter table clients add mood mood default 'sad'",
                ),
                (
                    "new",
                    "create type mood as enum ('glad', 'sad'); alter table clients add mood mood default 'sad'",
                ),
            ],
            kind: "enum",
            object: "public.mood",
            severity: blocks,
        },
        Defect {
            planted: &[
                (
                    "old",
                    "create type size as enum ('s', 'm', 'l'); alter table staff add size size default 'm'",
                ),
                (
                    "new",
                    "create type size as enum ('l', 'm', 's'); alter table staff add size size default 'm'",
                ),
            ],
            kind: "enum",
            object: "public.size",
            severity: warns,
        },
        Defect {
            planted: &[(
                "old",
                "create function busy(integer) returns boolean language sql as 'select true'",
            )],
            kind: "function",
            object: "public.busy(integer)",
            severity: blocks,
        },
        Defect {
            planted: &[("old", "create view names as select id, name from clients")],
            kind: "view",
            object: "public.names",
            severity: blocks,
        },
        Defect {
            planted: &[
                ("old", touched),
                ("new", touched),
                (
                    "old",
                    "create trigger touched before update on staff for each row execute function touched()",
                ),
            ],
            kind: "trigger",
            object: "touched",
            severity: warns,
        },
        Defect {
            planted: &[("new", "alter table staff enable always trigger touched")],
            kind: "firing_trigger",
            object: "touched",
            severity: warns,
        },
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_of_rights_and_sequences_are_named_and_mended() -> Result<()> {
    let warns = "warns";
    named_and_mended(&[
        Defect {
            planted: &[("old", "create role anon nologin; grant select, insert on staff to anon")],
            kind: "role",
            object: "anon",
            severity: warns,
        },
        Defect {
            planted: &[],
            kind: "grant",
            object: "anon",
            severity: warns,
        },
        Defect {
            planted: &[("old", "alter table staff enable row level security")],
            kind: "row_security",
            object: "public.staff",
            severity: warns,
        },
        Defect {
            planted: &[("old", "create policy own on staff for select to anon using (id = 1)")],
            kind: "policy",
            object: "own",
            severity: warns,
        },
        Defect {
            planted: &[("new", "select setval('clients_id_seq', 5)")],
            kind: "sequence",
            object: "id",
            severity: warns,
        },
        Defect {
            planted: &[("new", "alter sequence services_id_seq owned by none")],
            kind: "sequence_owner",
            object: "id",
            severity: warns,
        },
        Defect {
            planted: &[("new", "alter database postgres set timezone to 'Asia/Tokyo'")],
            kind: "time_zone",
            object: "",
            severity: warns,
        },
        Defect {
            planted: &[("old", "create index by_title on services (title)")],
            kind: "index",
            object: "by_title",
            severity: warns,
        },
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named_with_the_grants() -> Result<()> {
    let site = Site::set_up().await?;
    let sides = Sides::of(&site).await?;
    for side in ["new", "old"] {
        site.turnout(&["uninstall", side])?;
        sides
            .run(
                side,
                "create role lesser login password 'lesser' connection limit 10;
                 grant select on all tables in schema public to lesser;
                 alter table clients enable row level security",
            )
            .await?;
    }
    let as_lesser = |url: &str| -> Result<String> {
        let (_, at) = url.split_once('@').context("the URL has a user")?;
        Ok(format!("postgres://lesser:lesser@{at}"))
    };
    let (old, new) = (as_lesser(site.old.url())?, as_lesser(site.new.url())?);
    let look = || preflight_with(&site, &[("TURNOUT_OLD_URL", &old), ("TURNOUT_NEW_URL", &new)]);
    let found = look()?;
    for (kind, severity) in [
        ("ownership", "blocks"),
        ("bypassrls", "blocks"),
        ("create_schema", "blocks"),
        ("connections", "blocks"),
        ("session_replication_role", "warns"),
        ("sequence_privilege", "blocks"),
    ] {
        let finding = found.findings.iter().find(|finding| finding["kind"] == kind);
        let finding = finding.with_context(|| format!("{kind}: {:#?}", found.findings))?;
        assert_eq!(finding["severity"], severity, "{finding:#}");
    }
    for finding in &found.findings {
        sides.mend(finding).await?;
    }
    let after = look()?;
    assert_eq!(
        (after.status, after.findings.len()),
        (Some(0), 0),
        "{:#?}",
        after.findings
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn long_transactions_are_named_with_their_sessions() -> Result<()> {
    let site = Site::set_up().await?;
    let sides = Sides::of(&site).await?;
    let mut open = sides.old.begin().await?;
    sqlx::query("lock table clients in share mode")
        .execute(&mut *open)
        .await?;
    let of_kind = |found: &Found| {
        let mut findings = found.findings.iter();
        findings.find(|finding| finding["kind"] == "transaction").cloned()
    };
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let found = preflight(&site)?;
    let finding = of_kind(&found).with_context(|| format!("{:#?}", found.findings))?;
    assert_eq!((found.status, finding["side"].as_str()), (Some(0), Some("old")));
    sides.mend(&finding).await?;
    assert_eq!(of_kind(&preflight(&site)?), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_listed_and_removed_before_the_constraint_is_added() -> Result<()> {
    let site = Site::set_up().await?;
    let sides = Sides::of(&site).await?;
    sides
        .run(
            "old",
            "alter table clients drop constraint clients_phone_key;
             insert into clients (id, phone, name)
             select 9000 + id, phone, 'again' from clients where id in (1, 2)",
        )
        .await?;
    let found = preflight(&site)?;
    assert_eq!(found.status, Some(1));
    let finding = found.finding("unique", "clients_phone_key").context("it is named")?;
    assert_eq!(finding["rows"]["count"], 2, "{finding:#}");
    let ids = finding["rows"]["first"].to_string();
    assert!(ids.contains("[[1],[9001]]") && ids.contains("[[2],[9002]]"), "{ids}");
    let remedy = &finding["remedies"][0];
    assert_eq!(remedy["side"], "old");
    sides.run("old", remedy["sql"].as_str().unwrap_or_default()).await?;
    let (clients,): (i64,) = sqlx::query_as("select count(*) from clients where id > 9000")
        .fetch_one(&sides.old)
        .await?;
    assert_eq!(clients, 0);
    assert_eq!(preflight(&site)?.status, Some(0));
    let (kept,): (String,) = sqlx::query_as(
        "select string_agg(result::text, ' ' order by number) from turnout.evidence where kind = 'preflight'",
    )
    .fetch_one(&sides.new)
    .await?;
    assert!(kept.contains("clients_phone_key") && !kept.contains("9001"), "{kept}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_the_time_of_a_copy_are_told() -> Result<()> {
    let site = Site::set_up().await?;
    let output = turnout()
        .arg("--config")
        .arg(site.config())
        .args(["preflight", "--json"])
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let tables = said["tables"].as_array().context("tables")?;
    let clients = tables
        .iter()
        .find(|size| size["table"] == "public.clients")
        .context("clients")?;
    assert_eq!(
        (&clients["rows"]["old"], &clients["rows"]["new"]),
        (&1299.into(), &1299.into())
    );
    let copy = &clients["copy"];
    assert!(copy["sampled"].as_u64() > Some(500), "{clients:#}");
    let seconds = |name: &str| copy[name].as_f64().context("seconds");
    assert!(seconds("seconds_at_least")? > 0.0 && seconds("seconds_at_least")? <= seconds("seconds_at_most")?);
    assert!(
        site.turnout(&["preflight"])?
            .contains("table public.clients: 1299 rows on old")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_diff_makes_new_like_old() -> Result<()> {
    let site = Site::set_up().await?;
    let sides = Sides::of(&site).await?;
    let diff = |sql: bool| {
        let arguments = if sql {
            &["schema", "diff", "--sql"][..]
        } else {
            &["schema", "diff"]
        };
        let output = turnout().arg("--config").arg(site.config()).args(arguments).output()?;
        anyhow::Ok((output.status.code(), String::from_utf8(output.stdout)?))
    };
    assert_eq!(diff(false)?, (Some(0), String::new()));
    sides
        .run(
            "old",
            "create type mood as enum ('glad', 'sad');
             alter table clients add column mood mood not null default 'glad', add check (visit_count >= 0);
             create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
             create trigger touched before update on clients for each row execute function touched();
             create view names as select id, name from clients;
             create role reader nologin; grant select on clients to reader;
             alter table staff enable row level security;
             create policy readable on staff for select to reader using (id > 0)",
        )
        .await?;
    sides
        .run(
            "new",
            "drop table staff_schedules cascade; alter table services drop constraint services_pkey cascade",
        )
        .await?;
    let (status, text) = diff(false)?;
    assert_eq!(status, Some(1));
    for words in [
        "table public.clients: column mood",
        "- create or replace view public.names",
        "enum public.mood",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (_, sql) = diff(true)?;
    sides.run("new", &sql).await?;
    assert_eq!(diff(false)?, (Some(0), String::new()), "{sql}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_needs_no_installation_and_no_keys() -> Result<()> {
    let site = Site::set_up().await?;
    for side in ["new", "old"] {
        site.turnout(&["uninstall", side])?;
    }
    let config = site.folder().join("bare.toml");
    std::fs::write(
        &config,
        "[repositories.clients]\nkey = ['id']\nsubject = 'phone'\n[repositories.staff]\nkey = ['name']\n",
    )?;
    let output = turnout()
        .env("TURNOUT_OLD_URL", site.old.url())
        .env("TURNOUT_NEW_URL", site.new.url())
        .arg("--config")
        .arg(&config)
        .args(["preflight", "--repository", "staff"])
        .output()?;
    let out = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(
        out.contains("has no primary key or unique constraint on exactly (name)"),
        "{out}"
    );
    assert!(
        out.contains("1 repositories: 2 findings block") && !out.contains("evidence"),
        "{out}"
    );
    Ok(())
}
