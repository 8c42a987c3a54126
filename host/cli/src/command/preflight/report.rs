use std::io::Write;

use anyhow::Result;
use serde_json::json;
use turnout_preflight::{Finding, Report, Rows, Severity};

/// Prints the findings for programs.
pub(super) fn json(report: &Report, evidence: Option<i64>, out: &mut impl Write) -> Result<()> {
    let all = json!({ "blocks": blocks(&report.findings) > 0, "evidence": evidence, "findings": report.findings, "tables": report.tables });
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints the findings for people.
pub(super) fn text(report: &Report, evidence: Option<i64>, out: &mut impl Write) -> Result<()> {
    let Report { findings, tables } = report;
    for finding in findings {
        writeln!(out, "{finding}\n")?;
    }
    for size in tables {
        writeln!(out, "{size}")?;
    }
    let blocking = blocks(findings);
    let kept = evidence.map(|number| format!(" (kept as evidence {number} on new)"));
    writeln!(
        out,
        "{} repositories: {blocking} findings block the migration, {} warn{}",
        tables.len(),
        findings.len() - blocking,
        kept.unwrap_or_default()
    )?;
    Ok(())
}

/// The findings as JSON without the keys of rows, which may be personal data.
pub(super) fn without_keys(report: &Report) -> Result<String> {
    let findings = report
        .findings
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
    let tables = report.tables.clone();
    Ok(serde_json::to_string(&Report { findings, tables })?)
}

fn blocks(findings: &[Finding]) -> usize {
    let blocks = findings.iter().filter(|finding| finding.severity == Severity::Blocks);
    blocks.count()
}
