use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::checks::Check;

/// How far a retirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// It was looked what is in the way.
    Checked,
    /// Everybody is `complete`.
    Complete,
    /// The installation of `old` is removed.
    Retired,
}

/// How far a retirement came, and what is in its way.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) step: Step,
    pub(super) checks: Vec<Check>,
    /// What was done to `old`, or would be.
    pub(super) remarks: Vec<String>,
    /// The number of the evidence, once there is one.
    pub(super) evidence: Option<i64>,
}

impl Outcome {
    pub(super) fn at(step: Step) -> Self {
        Self {
            step,
            checks: Vec::new(),
            remarks: Vec::new(),
            evidence: None,
        }
    }

    /// Whether nothing is in the way.
    pub(super) fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// What is kept as evidence.
    pub(super) fn proof(&self) -> Value {
        json!({ "passed": self.is_good(), "checks": self.checks })
    }

    /// Prints it for programs.
    pub(super) fn json(&self, out: &mut impl Write) -> Result<()> {
        Ok(writeln!(out, "{}", serde_json::to_string_pretty(self)?)?)
    }

    /// Prints it for people.
    pub(super) fn text(&self, out: &mut impl Write) -> Result<()> {
        for check in &self.checks {
            let verdict = if check.passed { "ok    " } else { "FAILED" };
            writeln!(out, "{verdict}  {}: {}", check.name, check.found)?;
        }
        for remark in &self.remarks {
            writeln!(out, "{remark}")?;
        }
        let said = match (self.step, self.is_good()) {
            (Step::Checked, false) => "old can't be retired yet; nothing was changed",
            (Step::Checked, true) => {
                "nothing was changed. With --execute everybody is brought to `complete`: new alone is written then, \
                 and there is no way back"
            }
            (Step::Complete, false) => "everybody is `complete`; the installation of old is still there",
            (Step::Complete, true) => "everybody is `complete`. With --execute the installation of old is removed",
            (Step::Retired, _) => {
                "nothing of Turnout is left on old. On new the evidence stays, and changes are still captured: once the application no \
                 longer goes through Turnout, `turnout uninstall new` removes both"
            }
        };
        Ok(writeln!(out, "{said}")?)
    }
}
