//! Policies that are written in JavaScript.

use std::fs;

use anyhow::Result;
use turnout_tests::{Site, policy_in_javascript, turnout};

#[tokio::test]
async fn a_policy_in_javascript_passes_its_cases_and_serves() -> Result<()> {
    let site = Site::set_up().await?;
    let module = policy_in_javascript("moved");
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/javascript/cases.toml");
    let tested = site.turnout(&["policy", "test", &module.display().to_string(), "--cases", cases])?;
    assert!(
        tested.contains("a listed phone has moved") && !tested.contains("wrong"),
        "{tested}"
    );

    site.put("routing.wasm", fs::read(module)?)?;
    site.route("mooved = []\n")?;
    let (succeeded, out, err) = site.said(&["check"])?;
    assert!(
        !succeeded && format!("{out}{err}").contains("routing.toml:1: unknown key `mooved`"),
        "{out}{err}"
    );
    site.route("moved = ['8 (968) 648-44-88']\n")?;
    let checked = site.turnout(&["check"])?;
    assert!(checked.contains("moved 0.1.0"), "{checked}");

    let host = site.host().await?;
    for (phone, backend) in [("89686484488", "new"), ("89990002222", "old")] {
        let answer = host
            .get(&format!("/rest/v1/clients?phone=eq.{phone}&select=id"))
            .await?;
        assert_eq!(
            (answer.status.as_u16(), answer.backend()),
            (200, backend),
            "{}",
            answer.text
        );
    }
    Ok(())
}

#[test]
fn policies_in_javascript_pass_the_cases_of_those_in_rust() -> Result<()> {
    let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/cli/src/command/policy/template");
    for (name, world) in [("tolerant", "divergence"), ("marked", "safe-cleanup")] {
        let cases = format!("{templates}/{world}/cases.toml");
        let module = policy_in_javascript(name);
        let tested = turnout()
            .args(["policy", "test", &module.display().to_string(), "--cases", &cases])
            .output()?;
        let (out, err) = (String::from_utf8(tested.stdout)?, String::from_utf8(tested.stderr)?);
        assert!(
            out.ends_with("all 4 cases are as they should be\n"),
            "{name}: {out}{err}"
        );
    }
    Ok(())
}
