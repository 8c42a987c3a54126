use std::io::Write;

use anyhow::Result;
use serde_json::json;
use turnout_preflight::{Finding, Rows, Severity};

/// Prints the findings for programs.
pub(super) fn json(findings: &[Finding], evidence: Option<i64>, out: &mut impl Write) -> Result<()> {
    let all = json!({ "blocks": blocks(findings) > 0, "evidence": evidence, "findings": findings });
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints the findings for people.
pub(super) fn text(
    findings: &[Finding],
    repositories: usize,
    evidence: Option<i64>,
    out: &mut impl Write,
) -> Result<()> {
    for finding in findings {
        writeln!(out, "{finding}\n")?;
    }
    let blocking = blocks(findings);
    let kept = evidence.map(|number| format!(" (kept as evidence {number} on new)"));
    writeln!(
        out,
        "{repositories} repositories: {blocking} findings block the migration, {} warn{}",
        findings.len() - blocking,
        kept.unwrap_or_default()
    )?;
    Ok(())
}

/// The findings as JSON without the keys of rows, which may be personal data.
pub(super) fn without_keys(findings: &[Finding]) -> Result<String> {
    let findings: Vec<Finding> = findings
        .iter()
        .cloned()
        .map(|finding| Finding {
            rows: finding.rows.map(|rows| Rows {
                first: Vec::new(),
                ..rows
            }),
            ..finding
        })
        .collect();
    Ok(serde_json::to_string(&findings)?)
}

fn blocks(findings: &[Finding]) -> usize {
    let blocks = findings.iter().filter(|finding| finding.severity == Severity::Blocks);
    blocks.count()
}
