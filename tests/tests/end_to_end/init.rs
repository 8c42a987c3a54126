//! `turnout init`: from two URLs to a configuration that a host serves with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Executor};
use turnout_tests::{Host, Site, turnout};

#[tokio::test(flavor = "multi_thread")]
async fn database_is_served_by_what_was_written() -> Result<()> {
    let site = Site::set_up().await?;
    let (old, _) = site.databases().await?;
    old.execute(AssertSqlSafe(
        "create table notes_without_key (text text);
         create table \"Odd name.s\" (\"a \"\"b\"\"\" text, c uuid not null unique, buyer text);
         insert into \"Odd name.s\" values (null, gen_random_uuid(), '+7 968 648-44-88');
         create view names as select id, name from clients;
         create schema shop; create table shop.orders (id integer primary key, email text)",
    ))
    .await?;
    let init = ["init", "--old", site.old.url(), "--new", site.new.url()];
    let (succeeded, _, err) = site.said(&init)?;
    assert!(!succeeded && err.contains("is there already"), "{err}");

    let folder = site.folder().join("fresh");
    fs::create_dir(&folder)?;
    let config = folder.join("turnout.toml");
    let (succeeded, said, err) = said(&config, &init)?;
    assert!(succeeded, "{said}{err}");
    assert!(
        said.contains("8 repositories, 4 of them with a subject (phone)"),
        "{said}"
    );
    assert!(
        said.contains("public.notes_without_key is left out: it has no primary key"),
        "{said}"
    );
    assert_eq!(fs::metadata(&config)?.permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&config)?;
    for expected in [
        "[repositories.clients]\nkey = [\"id\"]\nsubject = \"phone\"\n",
        "[repositories.bookings]\nkey = [\"id\"]\nsubject = \"client_phone\"\n",
        "[repositories.dialog_contexts]\nkey = [\"id\"]\nsubject = \"user_id\"\n",
        "[repositories.\"Odd name.s\"]\nkey = [\"c\"]\nsubject = \"buyer\"\n",
        "[repositories.companies]\nkey = [\"id\"]\n\n",
        "#   public.names: it is a view",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("orders"), "{text}");

    let host = Host::start(&config, &[("TURNOUT_API_KEY", Site::KEY)]).await?;
    let answer = host.get("/rest/v1/clients?phone=eq.89686484488&select=id").await?;
    assert_eq!((answer.backend(), answer.text.as_str()), ("old", "[{\"id\":1}]"));
    Ok(())
}

/// Runs a command with another configuration than the site's.
fn said(config: &Path, arguments: &[&str]) -> Result<(bool, String, String)> {
    let output = turnout().arg("--config").arg(config).args(arguments).output()?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    Ok((output.status.success(), out, err))
}
