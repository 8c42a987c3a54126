//! Functions: how they are found, what they are given, and what becomes of their results.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::raw_sql;
use turnout_tests::{Answer, Host, Site, eventually};

const FUNCTIONS: &str = "
    create function add(a int, b int default 10) returns int language sql immutable as 'select a + b';
    create function greet() returns text language sql stable as $$ select 'hi' $$;
    create function overloaded(a int) returns text language sql immutable as $$ select 'int' $$;
    create function overloaded(a int, b text) returns text language sql immutable as $$ select 'both' $$;
    create function twins(a text) returns text language sql immutable as $$ select 'text' $$;
    create function twins(a int) returns text language sql immutable as $$ select 'int' $$;
    create function unnamed(int) returns text language sql immutable as $$ select 'int' $$;
    create function unnamed(text) returns text language sql immutable as $$ select $1 $$;
    create function perhaps() returns text language sql immutable as $$ select 'none' $$;
    create function perhaps(int default 42) returns text language sql immutable as $$ select 'int' $$;
    create function perhaps(text default 'x') returns text language sql immutable as $$ select 'text' $$;
    create function longest(variadic words text[]) returns text language sql immutable as
        'select w from unnest(words) as w order by length(w) desc limit 1';
    create function whole(json) returns json language sql immutable as 'select json_build_array($1)';
    create function plain(text) returns text language sql immutable as 'select upper($1)';
    create function bytes(bytea) returns int language sql immutable as 'select length($1)';
    create function numbers() returns setof int language sql stable as 'select generate_series(1, 5)';
    create function pair(out x int, out y text) language sql stable as $$ select 1, 'one' $$;
    create function pairs() returns table (x int, y text) language sql stable as
        $$ values (1, 'one'), (2, 'two'), (3, null) $$;
    create function busy_staff(from_id int) returns setof staff language sql stable as
        'select * from staff where id >= from_id';
    create function head_of() returns staff language sql stable as 'select * from staff where id = 7';
    create function nothing() returns void language sql volatile as 'select';
    create function rename_staff(of_id int, to_name text) returns staff language sql volatile as
        'update staff set name = to_name where id = of_id returning *';
    create function raise_payment() returns void language plpgsql as $$ begin
        raise sqlstate 'PGRST' using
            message = '{\"code\":\"123\",\"message\":\"Payment Required\",\"details\":\"Quota exceeded\",\"hint\":\"Upgrade\"}',
            detail = '{\"status\":402,\"headers\":{\"X-Powered-By\":\"Nerd Rage\"}}';
        end $$;
    create function teapot() returns text language plpgsql as $$ begin
        perform set_config('response.headers', '[{\"X-Tea\": \"green\"}, {\"Set-Cookie\": \"a=1\"}, {\"Set-Cookie\": \"b=2\"}]', true);
        perform set_config('response.status', '418', true);
        return 'short and stout';
        end $$;
    create function visits_of(phone text) returns bigint language sql stable as
        'select count(*) from bookings where client_phone = phone';
    create function note_client(phone text, note text) returns setof clients language sql volatile as
        'update clients set notes = note where clients.phone = note_client.phone returning *';
";

/// Everybody on `old`, mirrored to `new`.
const MIRRORED: &str = "[default]\nstage = \"dualwrite\"\n";

async fn set_up(settings: &[(&str, &str)], routing: Option<&str>) -> Result<(Site, Host)> {
    let site = Site::set_up().await?;
    let (old, new) = site.databases().await?;
    for side in [&old, &new] {
        raw_sql(FUNCTIONS).execute(side).await?;
    }
    site.configure(settings)?;
    if let Some(routing) = routing {
        site.route(routing)?;
    }
    let host = site.host().await?;
    Ok((site, host))
}

async fn ask(host: &Host, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut request = host.request(method, &format!("/rest/v1/rpc/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    host.send(request.body(body.to_owned())).await
}

#[tokio::test]
async fn functions_are_called_with_what_they_take() -> Result<()> {
    let (_site, host) = set_up(&[], Some(MIRRORED)).await?;
    let json = [("content-type", "application/json")];
    for (method, path, body, status, answer) in [
        (Method::GET, "add?a=1&b=2", "", 200, "3"),
        (Method::GET, "add?a=1", "", 200, "11"),
        (Method::POST, "add", r#"{"a": 5, "b": 6}"#, 200, "11"),
        (Method::POST, "greet", "", 200, r#""hi""#),
        (Method::GET, "greet", "", 200, r#""hi""#),
        (Method::GET, "overloaded?a=1", "", 200, r#""int""#),
        (Method::POST, "overloaded", r#"{"b": "x", "a": 1}"#, 200, r#""both""#),
        (Method::GET, "longest?words=a&words=ccc&words=bb", "", 200, r#""ccc""#),
        (Method::POST, "longest", r#"{"words": ["a", "bb"]}"#, 200, r#""bb""#),
        (Method::POST, "whole", r#"{"x": 1.50}"#, 200, r#"[{"x": 1.50}]"#),
        (Method::POST, "whole", "[1,2]", 200, "[[1,2]]"),
        (Method::POST, "unnamed", r#"{"": 1}"#, 200, r#""{\"\": 1}""#),
        (Method::GET, "numbers", "", 200, "[1, 2, 3, 4, 5]"),
        (Method::GET, "numbers?limit=2&offset=1", "", 200, "[2, 3]"),
        (Method::GET, "pair", "", 200, r#"{"x":1,"y":"one"}"#),
        (
            Method::GET,
            "pairs?x=gt.1&select=y,z:x&order=x.desc",
            "",
            200,
            r#"[{"y":null,"z":3},{"y":"two","z":2}]"#,
        ),
        (
            Method::GET,
            "busy_staff?from_id=6&name=like.A*&select=id,name",
            "",
            200,
            r#"[{"id":7,"name":"Anna Petrova"}]"#,
        ),
        (
            Method::POST,
            "busy_staff?select=id,bookings(count)&order=id&limit=1",
            r#"{"from_id": 7}"#,
            200,
            r#"[{"id":7,"bookings":[{"count":324}]}]"#,
        ),
        (
            Method::GET,
            "head_of?select=name",
            "",
            200,
            r#"{"name":"Anna Petrova"}"#,
        ),
        (Method::POST, "nothing", "{}", 204, ""),
    ] {
        let got = ask(&host, method.clone(), path, &json, body).await?;
        assert_eq!(
            (got.status.as_u16(), got.text.replace(", \n ", ",").as_str()),
            (status, answer),
            "{method} {path}"
        );
    }
    let plain = ask(&host, Method::POST, "plain", &[("content-type", "text/plain")], "abc").await?;
    assert_eq!(plain.text, r#""ABC""#);
    let bytes = ask(
        &host,
        Method::POST,
        "bytes",
        &[("content-type", "application/octet-stream")],
        "\0\u{1}\u{2}",
    )
    .await?;
    assert_eq!(bytes.text, "3");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(ask(&host, Method::POST, "add", &form, "a=1&b=4").await?.text, "5");
    let one = [("accept", "application/vnd.pgrst.object+json")];
    let single = ask(&host, Method::GET, "pairs?x=eq.2", &one, "").await?;
    assert_eq!(single.text, r#"{"x":2,"y":"two"}"#);
    assert_eq!(
        ask(&host, Method::GET, "pairs", &one, "").await?.json()["code"],
        "PGRST116"
    );
    let lines = ask(&host, Method::GET, "pairs", &[("accept", "text/csv")], "").await?;
    assert_eq!(lines.text, "x,y\n1,one\n2,two\n3,");
    let counted = ask(&host, Method::GET, "pairs?limit=2", &[("prefer", "count=exact")], "").await?;
    assert_eq!(
        (counted.status.as_u16(), counted.header("content-range")),
        (206, "0-1/3")
    );
    let head = ask(&host, Method::HEAD, "pairs", &[("prefer", "count=exact")], "").await?;
    assert_eq!((head.header("content-range"), head.text.as_str()), ("0-2/3", ""));
    Ok(())
}

#[tokio::test]
async fn a_call_that_fits_no_function_is_refused_as_postgrest_does() -> Result<()> {
    let (_site, host) = set_up(&[], Some(MIRRORED)).await?;
    for (path, status, body) in [
        (
            "addd?a=1&b=2",
            404,
            r#"{"code":"PGRST202","details":"Searched for the function public.addd with parameters a, b, but no matches were found in the schema cache.","hint":"Perhaps you meant to call the function public.add","message":"Could not find the function public.addd(a, b) in the schema cache"}"#,
        ),
        (
            "add",
            404,
            r#"{"code":"PGRST202","details":"Searched for the function public.add without parameters, but no matches were found in the schema cache.","hint":null,"message":"Could not find the function public.add without parameters in the schema cache"}"#,
        ),
        (
            "twins?a=1",
            300,
            r#"{"code":"PGRST203","details":null,"hint":"Try renaming the parameters or the function itself in the database so function overloading can be resolved","message":"Could not choose the best candidate function between: public.twins(a => integer), public.twins(a => text)"}"#,
        ),
        (
            "perhaps",
            300,
            r#"{"code":"PGRST203","details":null,"hint":"Try renaming the parameters or the function itself in the database so function overloading can be resolved","message":"Could not choose the best candidate function between: public.perhaps(), public.perhaps( => text)"}"#,
        ),
        (
            "rename_staff?of_id=7&to_name=x",
            405,
            r#"{"code":"25006","details":null,"hint":null,"message":"cannot execute UPDATE in a read-only transaction"}"#,
        ),
    ] {
        let refused = ask(&host, Method::GET, path, &[], "").await?;
        assert_eq!(
            (refused.status.as_u16(), refused.text.as_str()),
            (status, body),
            "{path}"
        );
    }
    let refused = ask(&host, Method::POST, "nope", &[], r#"{"a": 1}"#).await?;
    assert_eq!(
        refused.json()["details"],
        "Searched for the function public.nope with parameter a or with a single unnamed json/jsonb parameter, but no matches were \
         found in the schema cache."
    );
    let strict = [("prefer", "handling=strict, max-affected=1")];
    let limited = ask(&host, Method::POST, "greet", &strict, "").await?;
    assert_eq!(
        (limited.status.as_u16(), limited.text.as_str()),
        (
            400,
            r#"{"code":"PGRST128","details":null,"hint":null,"message":"Function must return SETOF or TABLE when max-affected preference is used with handling=strict"}"#
        )
    );
    let put = ask(&host, Method::PUT, "add", &[], "{}").await?;
    assert_eq!((put.status.as_u16(), &put.json()["code"]), (405, &json!("PGRST101")));
    Ok(())
}

#[tokio::test]
async fn a_function_says_the_status_and_headers_of_its_answer() -> Result<()> {
    let (_site, host) = set_up(&[], Some(MIRRORED)).await?;
    let said = ask(&host, Method::POST, "teapot", &[], "").await?;
    assert_eq!(
        (said.status.as_u16(), said.text.as_str()),
        (418, r#""short and stout""#)
    );
    assert_eq!(said.header("x-tea"), "green");
    assert_eq!(said.headers.get_all("set-cookie").iter().count(), 2);
    let raised = ask(&host, Method::POST, "raise_payment", &[], "").await?;
    assert_eq!(
        (raised.status.as_u16(), raised.header("x-powered-by")),
        (402, "Nerd Rage")
    );
    assert_eq!(
        raised.text,
        r#"{"code":"123","details":"Quota exceeded","hint":"Upgrade","message":"Payment Required"}"#
    );
    Ok(())
}

#[tokio::test]
async fn what_a_function_changes_is_mirrored_or_taken_back() -> Result<()> {
    let (site, host) = set_up(&[], Some(MIRRORED)).await?;
    let (_, new) = site.databases().await?;
    let body = r#"{"of_id": 7, "to_name": "Mrs Petrova"}"#;
    let taken_back = ask(
        &host,
        Method::POST,
        "rename_staff?select=name",
        &[("prefer", "tx=rollback")],
        body,
    )
    .await?;
    assert_eq!(taken_back.text, r#"{"name":"Mrs Petrova"}"#);
    let name = host.get("/rest/v1/staff?id=eq.7&select=name").await?;
    assert_eq!(name.text, r#"[{"name":"Anna Petrova"}]"#);
    let renamed = ask(&host, Method::POST, "rename_staff?select=name", &[], body).await?;
    assert_eq!((renamed.status.as_u16(), renamed.backend()), (200, "old"));
    eventually("the change is mirrored", async || {
        let name: String = sqlx::query_scalar("select name from staff where id = 7")
            .fetch_one(&new)
            .await
            .ok()?;
        (name == "Mrs Petrova").then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_function_runs_on_the_authority_of_its_repositories() -> Result<()> {
    let phone = "89686484488";
    let settings = [
        ("functions.visits_of.repositories", "['bookings']"),
        ("functions.visits_of.subject", "'phone'"),
        ("functions.note_client.repositories", "['clients']"),
        ("functions.note_client.subject", "'phone'"),
    ];
    // The test phone is on `new`, everybody else on `old`.
    let (_site, host) = set_up(&settings, None).await?;
    for (path, backend) in [
        ("visits_of?phone=89686484488", "new"),
        ("visits_of?phone=+79031234567", "old"),
    ] {
        let read = ask(&host, Method::GET, path, &[], "").await?;
        assert_eq!(
            (read.status.as_u16(), read.backend()),
            (200, backend),
            "{path}: {}",
            read.text
        );
    }
    let written = ask(
        &host,
        Method::POST,
        "note_client?select=notes",
        &[],
        &json!({"phone": phone, "note": "vip"}).to_string(),
    )
    .await?;
    assert_eq!(
        (written.backend(), written.text.as_str()),
        ("new", r#"[{"notes":"vip"}]"#)
    );
    let refused = ask(&host, Method::POST, "greet", &[], "").await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (409, &json!("TURNOUT_AUTHORITY"))
    );
    let message = refused.json()["message"].clone();
    assert!(
        matches!(&message, Value::String(text) if text.contains("[functions.greet]")),
        "{message}"
    );
    Ok(())
}
