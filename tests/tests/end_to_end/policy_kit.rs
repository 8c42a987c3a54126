//! `turnout policy new`, `build`, `test` and `check`: an engineer's work before a policy is shipped.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result};
use tempfile::TempDir;
use turnout_tests::{policy, turnout};

/// Runs a command of `turnout policy` in a folder. Returns the exit code, the standard output and the standard error.
fn said(folder: &Path, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
    // The target directory has the compiled dependencies of this repository's policies.
    let module = policy("routing");
    let target = module.ancestors().nth(3).unwrap_or(folder);
    let Output { status, stdout, stderr } = turnout()
        .arg("policy")
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .output()?;
    Ok((status.code(), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// The standard output of a command that must succeed.
fn said_well(folder: &Path, arguments: &[&str]) -> Result<String> {
    let (code, out, err) = said(folder, arguments)?;
    anyhow::ensure!(code == Some(0), "{arguments:?}: {out}{err}");
    Ok(out)
}

#[test]
fn a_new_policy_compiles_and_passes_its_cases() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    for (name, world) in [
        ("my-routing", "routing"),
        ("my-writes", "dual-write"),
        ("my-comparisons", "divergence"),
        ("my-test-rows", "safe-cleanup"),
    ] {
        let out = said_well(here, &["new", name, "--world", world])?;
        assert!(
            out.contains(&format!("turnout policy test {name}\n")),
            "what to do next: {out}"
        );

        let (code, _, err) = said(here, &["new", name, "--world", world])?;
        assert_eq!(
            (code, err),
            (
                Some(1),
                format!("turnout: {name} is there already; choose another name\n")
            )
        );

        let out = said_well(here, &["test", name])?;
        let lines: Vec<_> = out.lines().collect();
        assert!(lines[..4].iter().all(|line| line.starts_with("ok     ")), "{out}");
        assert_eq!(lines[4..], ["all 4 cases are as they should be"]);

        let out = said_well(&here.join(name), &["build"])?;
        let module = here.join(name).join(name).with_extension("wasm");
        let size = fs::metadata(&module)?.len();
        assert!(
            out.starts_with(&format!(
                "world         {world}\nfile          ./{name}.wasm\nsize          {size} bytes\n"
            )),
            "{out}"
        );

        let (file, settings) = (format!("{name}/{name}.wasm"), format!("{name}/settings.toml"));
        let out = said_well(here, &["check", &file, "--settings", &settings])?;
        for words in [
            format!("world         {world}\npolicy        {name} 0.1.0\nimports       nothing\n"),
            format!("size          {size} bytes as a component"),
            format!("settings      {settings}: accepted\n"),
        ] {
            assert!(out.contains(&words), "{words} is not in {out}");
        }
    }
    let (code, out, err) = said(
        here,
        &["test", "my-writes/my-writes.wasm", "--cases", "my-routing/cases.toml"],
    )?;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(
        err.contains("my-routing/settings.toml:1: "),
        "settings of another policy: {err}"
    );
    Ok(())
}

const CASES: &str = r#"
[repositories.clients]
subject = "phone"

[settings]
default.stage = "off"
cohort = [{ name = "test", subjects = ["8 968 648-44-88"], stage = "live" }]

[[case]]
name = "the test phone is on new"
operation = { action = "update", repository = "clients", subject = "+7 (968) 648-44-88" }
decision = { authority = "new", mirrored = true, span = "both", admit = "admit" }

[[case]]
name = "everybody is on new"
operation = { action = "find", repository = "clients", subject = "89990000000" }
decision = { authority = "new", read = { primary = "old", fallback = "new" } }
"#;

#[test]
fn a_failed_case_shows_what_was_expected_and_decided() -> Result<()> {
    let folder = TempDir::new()?;
    let module = policy("routing").display().to_string();
    let cases = folder.path().join("cases.toml");
    let test = |text: &str| {
        fs::write(&cases, text)?;
        said(folder.path(), &["test", &module, "--cases", "cases.toml"])
    };
    let (code, out, err) = test(CASES)?;
    assert_eq!(
        out,
        "ok     the test phone is on new\n\
         wrong  everybody is on new\n         \
         authority: expected \"new\", decided \"old\"\n         \
         read.fallback: expected \"new\", decided \"none\"\n"
    );
    assert_eq!((code, err.as_str()), (Some(1), "turnout: 1 of 2 cases went wrong\n"));

    for (from, to, words) in [
        ("authority =", "authorty =", "not `authorty`"),
        ("\"clients\"", "\"client\"", "there is no repository `client`"),
        (
            "\"+7 (968) 648-44-88\"",
            "\"nobody\"",
            "the subject: this is not a phone number",
        ),
        ("stage = \"live\"", "stage = \"living\"", "cases.toml:7: "),
        (
            "action = \"find\"",
            "action = \"look\"",
            "unknown variant `look`, expected one of `find`",
        ),
        (
            "operation = { action = \"find\"",
            "op = { action = \"find\"",
            "there is no key `op`; ",
        ),
        ("[[case]]", "[[cases]]", "unknown field `cases`"),
    ] {
        let (code, out, err) = test(&CASES.replace(from, to))?;
        assert_eq!(code, Some(1), "{out}");
        assert!(err.contains(words), "{words} is not in {err}");
    }
    Ok(())
}

const DIVERGENCE_CASES: &str = r#"
settings = {}

[repositories.clients]
subject = "phone"

[[case]]
name = "the mirror is to blame"
decision.assess = [
    { kind = "divergence_rate", severity = "critical", hundredths = 2_000 },
    { kind = "divergence_many", severity = "warning", rows = 11 },
    { kind = "failed_mirror", severity = "warning", rows = 12 },
    { kind = "divergence_report", severity = "warning", open = 3 },
]

[case.window]
counts = [
    { repository = "clients", source = "read", equal = 36, unsettled = 4, diverged = 10 },
    { repository = "clients", source = "mirrored", failed = 12 },
    { repository = "clients", source = "direct", diverged = 1, dropped = 5 },
]
open = 3
since_report_s = 300

[[case]]
name = "a report of a minute ago is not repeated"
window = { open = 3, since_report_s = 60 }
decision.assess = []

[[case]]
name = "a case may ask several functions"
pair = { repository = "clients", columns = [{ name = "name", kind = "text", old = "Anna", new = "ANNA" }, { name = "town", kind = "text" }] }
row = { repository = "clients", authority = "new", source = "direct", form = "missing", age_s = 60 }
decision = { compare = ["name"], repair = "call" }
"#;

#[test]
fn cases_ask_a_divergence_policy_for_all_that_it_decides() -> Result<()> {
    let folder = TempDir::new()?;
    let module = policy("divergence").display().to_string();
    let test = |text: &str| {
        fs::write(folder.path().join("cases.toml"), text)?;
        said(folder.path(), &["test", &module, "--cases", "cases.toml"])
    };
    let (code, out, err) = test(DIVERGENCE_CASES)?;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.ends_with("all 3 cases are as they should be\n"), "{out}");

    let (code, out, _) = test(&DIVERGENCE_CASES.replace("settings = {}", "settings.columns.case = 'ignore'"))?;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("compare: expected [\"name\"], decided []"), "{out}");

    for (from, to, words) in [
        ("pair =", "row2 =", "there is no key `row2`; "),
        ("window = {", "row = {", "it has no `window`"),
        (
            "compare =",
            "equal =",
            "decides `compare`, `assess` and `repair`, not `equal`",
        ),
        (
            "\"direct\", form",
            "\"walks\", form",
            "its `row`: unknown variant `walks`",
        ),
        ("\"missing\"", "\"gone\"", "its `row`: unknown variant `gone`"),
        (
            "source = \"mirrored\"",
            "sauce = \"mirrored\"",
            "its `window`: unknown field `sauce`",
        ),
        (", failed = 12", ", failed = -1", "its `window`: "),
        (
            "{ repository = \"clients\", columns",
            "{ repository = \"client\", columns",
            "no repository `client`",
        ),
    ] {
        let (code, out, err) = test(&DIVERGENCE_CASES.replace(from, to))?;
        assert_eq!(code, Some(1), "{to}: {out}");
        assert!(err.contains(words), "{words} is not in {err}");
    }
    Ok(())
}

#[test]
fn check_measures_each_function_of_a_policy_that_advises() -> Result<()> {
    let folder = TempDir::new()?;
    for (world, functions) in [
        ("divergence", &["compare", "assess", "repair"][..]),
        ("safe-cleanup", &["marks", "review"]),
    ] {
        let out = said_well(folder.path(), &["check", &policy(world).display().to_string()])?;
        for function in functions {
            let took = out.lines().find_map(|line| line.trim().strip_prefix(function));
            let took: f64 = took.unwrap_or_default().trim().parse()?;
            assert!(took > 0.0, "{function} takes some microseconds: {out}");
        }
    }
    Ok(())
}

const SAFE_CLEANUP_CASES: &str = r#"
settings = {}

[repositories.clients]
subject = "phone"

[[case]]
name = "a test phone marks a row in any spelling"
row = { repository = "clients", subject = "8 (999) 001-23-45", columns = [{ name = "name", kind = "text" }] }
decision.marks = true

[[case]]
name = "a tenth of a table may go"
request = { repository = "clients", execute = true, expected = 10 }
evidence.counts = [
    { repository = "clients", backend = "new", requested = 9, referring = 1, marked = 10, table_rows = 100, youngest_s = 60, oldest_s = 90 },
]
evidence.samples = [{ repository = "clients", columns = [{ name = "id", kind = "bigint", text = "7" }] }]
decision.review = "agreed"

[[case]]
name = "more of it may not"
request = { repository = "clients" }
evidence.counts = [{ repository = "clients", backend = "new", requested = 11, marked = 11, table_rows = 100 }]
decision.review = { too_large_share = { hundredths = 1_000, from_rows = 50 } }

[[case]]
name = "a row without a mark may not"
request = { repository = "clients" }
evidence.counts = [{ repository = "clients", backend = "old", requested = 1, table_rows = 100 }]
decision.review.other = "unmarked-rows"

[[case]]
name = "a text that would mark every row is refused"
settings.marks.contains.name = [""]
refused = "4 letters"
"#;

#[test]
fn cases_ask_a_safe_cleanup_policy_for_all_that_it_decides() -> Result<()> {
    let folder = TempDir::new()?;
    let module = policy("safe-cleanup").display().to_string();
    let test = |text: &str| {
        fs::write(folder.path().join("cases.toml"), text)?;
        said(folder.path(), &["test", &module, "--cases", "cases.toml"])
    };
    let (code, out, err) = test(SAFE_CLEANUP_CASES)?;
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.ends_with("all 5 cases are as they should be\n"), "{out}");

    let (code, out, _) = test(&SAFE_CLEANUP_CASES.replace("settings = {}", "settings.max_rows = 9"))?;
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("review: expected \"agreed\", decided {\"too_many_rows\":9}"),
        "{out}"
    );

    for (from, to, words) in [
        ("request =", "row =", "it has no `request`"),
        (
            "marks = true",
            "mark = true",
            "decides `marks` and `review`, not `mark`",
        ),
        ("8 (999) 001-23-45", "nobody", "the subject: this is not a phone number"),
        (
            ", table_rows = 100 }",
            " }",
            "its `evidence`: missing field `table_rows`",
        ),
        ("\"new\"", "\"newer\"", "its `evidence`: unknown variant `newer`"),
    ] {
        let (code, out, err) = test(&SAFE_CLEANUP_CASES.replace(from, to))?;
        assert_eq!(code, Some(1), "{to}: {out}");
        assert!(err.contains(words), "{words} is not in {err}");
    }
    Ok(())
}

#[test]
fn a_javascript_policy_and_the_wit_can_be_written_anywhere() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    for (name, source, world) in [
        ("moved", "moved.js", "routing"),
        ("equal", "tolerant.js", "divergence"),
        ("marked", "marked.js", "safe-cleanup"),
    ] {
        let out = said_well(here, &["new", name, "--world", world, "--language", "js"])?;
        let next =
            format!("npm ci && node build.mjs {source} {world} {name}.wasm\n  turnout policy test {name}.wasm\n");
        assert!(out.contains(&next), "{out}");
        let folder = here.join(name);
        for file in [source, "cases.toml", "package-lock.json"] {
            assert!(folder.join(file).exists(), "{name}/{file}");
        }
        let build = fs::read_to_string(folder.join("build.mjs"))?;
        assert!(build.contains("new URL('./wit'"), "{build}");
    }
    said_well(here, &["wit", "package"])?;
    for wit in ["moved/wit/routing.wit", "package/routing.wit"] {
        assert!(fs::read_to_string(here.join(wit))?.contains("world routing"), "{wit}");
    }
    let (code, _, err) = said(here, &["wit", "package"])?;
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "turnout: package is there already; choose another name\n")
    );
    let (code, _, err) = said(here, &["new", "other", "--world", "dual-write", "--language", "js"])?;
    assert!(
        code == Some(1) && err.contains("no template of the world dual-write"),
        "{err}"
    );
    Ok(())
}

#[test]
fn a_policy_in_python_can_be_begun_anywhere() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    let out = said_well(here, &["new", "waits", "--world", "dual-write", "--language", "python"])?;
    assert!(
        out.contains("-w dual-write componentize waits -o waits.wasm") && out.contains("policies.wasi = true"),
        "{out}"
    );
    for (file, words) in [
        ("waits.py", "class WitWorld"),
        ("requirements.txt", "componentize-py=="),
        ("settings.toml", "wait_for"),
        ("cases.toml", "[[case]]"),
        ("wit/dual-write.wit", "world dual-write"),
    ] {
        assert!(
            fs::read_to_string(here.join("waits").join(file))?.contains(words),
            "{file}"
        );
    }
    let (code, _, err) = said(here, &["new", "other", "--world", "routing", "--language", "python"])?;
    assert!(
        code == Some(1) && err.contains("can't build the world routing"),
        "{err}"
    );
    let (code, _, err) = said(here, &["new", "other", "--world", "divergence", "--language", "python"])?;
    assert!(
        code == Some(1) && err.contains("no template of the world divergence in Python"),
        "{err}"
    );
    let (code, _, err) = said(here, &["new", "other", "--world", "routing", "--language", "go"])?;
    assert!(code == Some(2) && err.contains("rust, js, python"), "{err}");
    Ok(())
}

#[test]
fn the_example_of_cases_in_the_documentation_runs() -> Result<()> {
    let folder = TempDir::new()?;
    let documentation = include_str!("../../../docs/policies.md");
    let (_, example) = documentation
        .split_once("```toml\n# cases.toml")
        .context("no example")?;
    let (cases, _) = example.split_once("\n```").context("no end of the example")?;
    fs::write(folder.path().join("cases.toml"), cases)?;
    let module = policy("routing").display().to_string();
    let out = said_well(folder.path(), &["test", &module, "--cases", "cases.toml"])?;
    assert!(out.ends_with("all 4 cases are as they should be\n"), "{out}");

    let (_, example) = example
        .split_once("```toml\n# cases.toml of a divergence policy")
        .context("no example of a divergence policy")?;
    let (divergence, _) = example.split_once("\n```").context("no end of the example")?;
    fs::write(folder.path().join("divergence.toml"), divergence)?;
    let comparing = policy("divergence").display().to_string();
    let out = said_well(folder.path(), &["test", &comparing, "--cases", "divergence.toml"])?;
    assert!(out.ends_with("all 3 cases are as they should be\n"), "{out}");

    // A case is wrong if its settings are accepted, or refused for another reason.
    for (from, to, words) in [
        (
            "'living'",
            "'live'",
            "expected a refusal that says \"living\", accepted",
        ),
        (
            "refused = 'living'",
            "refused = 'dead'",
            "expected a refusal that says \"dead\", refused: cases.toml:",
        ),
    ] {
        fs::write(folder.path().join("cases.toml"), cases.replacen(from, to, 1))?;
        let (code, out, err) = said(folder.path(), &["test", &module, "--cases", "cases.toml"])?;
        assert_eq!(
            (code, err.as_str()),
            (Some(1), "turnout: 1 of 4 cases went wrong\n"),
            "{out}"
        );
        assert!(out.contains(words), "{words} is not in {out}");
    }
    Ok(())
}

#[test]
fn a_module_is_held_to_the_bounds_of_a_host() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    let module = policy("routing").display().to_string();
    fs::write(here.join("cases.toml"), CASES)?;
    fs::write(
        here.join("turnout.toml"),
        "[policies]\nmodule_kib = 1\n[repositories.clients]\nkey = ['id']\n",
    )?;
    for arguments in [vec!["check", &module], vec!["test", &module, "--cases", "cases.toml"]] {
        let (code, out, err) = said(here, &arguments)?;
        assert_eq!(code, Some(1), "{out}");
        assert!(err.contains("1024 are allowed"), "{err}");
    }
    fs::write(here.join("turnout.toml"), "[policies]\nmodule_kb = 1\n")?;
    let (code, _, err) = said(here, &["check", &module])?;
    assert!(code == Some(1) && err.contains("module_kb"), "{err}");
    Ok(())
}

#[test]
fn check_describes_a_module_and_names_wrong_settings() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    let module = policy("routing").display().to_string();
    fs::write(
        here.join("good.toml"),
        "default.stage = 'off'\n[repositories.staff]\nstage = 'live'\n",
    )?;
    let settings = ["check", &module, "--settings", "good.toml"];
    let (code, out, err) = said(here, &settings)?;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("`clients`, made up: there is no turnout.toml"), "{out}");
    assert!(
        err.starts_with("turnout: good.toml:2: ") && err.contains("staff"),
        "{err}"
    );

    // No configuration of a host is near, so its other sections need not be there.
    fs::write(here.join("turnout.toml"), "[repositories.staff]\nkey = ['id']\n")?;
    let out = said_well(here, &settings)?;
    for words in [
        "world         routing\npolicy        turnout-routing 0.1.0\nimports       nothing\n",
        "repositories  staff, of turnout.toml\nsettings      good.toml: accepted\n",
        "\"cohort\": {",
    ] {
        assert!(out.contains(words), "{words} is not in {out}");
    }
    for function in ["admit", "authority", "span", "mirrored", "read"] {
        let took = out.lines().find_map(|line| line.trim().strip_prefix(function));
        let took: f64 = took.unwrap_or_default().trim().parse()?;
        assert!(took > 0.0, "{function} takes some microseconds: {out}");
    }

    let out = said_well(here, &["check", &module])?;
    assert!(
        out.contains("calls         not measured (without settings:1: "),
        "it needs settings: {out}"
    );

    let out = said_well(here, &["check", &policy("dual-write").display().to_string()])?;
    assert!(out.contains("world         dual-write\n"), "{out}");
    Ok(())
}

#[test]
fn what_is_no_policy_is_refused() -> Result<()> {
    let folder = TempDir::new()?;
    let here = folder.path();
    fs::write(here.join("text.wasm"), "no module")?;
    fs::write(here.join("empty.wasm"), wat::parse_str("(component)")?)?;
    fs::write(here.join("core.wasm"), wat::parse_str("(module)")?)?;
    for (file, words) in [
        ("text.wasm", "text.wasm: this is not WebAssembly"),
        (
            "empty.wasm",
            "empty.wasm: this is no policy of any world; for `routing`: ",
        ),
        ("core.wasm", "core.wasm: "),
        ("nowhere.wasm", "cannot read nowhere.wasm"),
    ] {
        let (code, out, err) = said(here, &["check", file])?;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.contains(words), "{words} is not in {err}");
    }
    Ok(())
}
