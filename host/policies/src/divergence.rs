//! What the divergence policy of a set says, and what holds where it fails to say.

use turnout_runtime::Divergence;
use turnout_vocabulary::{ComparisonWindow, DivergedRow, DivergenceAlert, Pair, RepairAction};

use crate::PolicySet;

/// The longest row that a policy is shown, in bytes of both sides together.
const SHOWN_BYTES: usize = 1 << 20;

impl PolicySet {
    /// The places of the columns that really differ, ascending; if there are none, the rows count as equal. Every column whose texts
    /// differ counts where the row is longer than 1 MiB or the policy fails.
    #[must_use]
    pub fn compare(&self, pair: &Pair) -> Vec<usize> {
        let policy = self.advice::<Divergence>().filter(|_| pair.text_bytes() <= SHOWN_BYTES);
        let answer = policy.and_then(|policy| {
            let subject = pair.subject.as_ref();
            let compare = policy.ask("compare", pair.repository, subject, |policy| policy.compare(pair));
            compare.ok()
        });
        answer.unwrap_or_else(|| pair.differing().collect())
    }

    /// Who should hear of what was compared lately. Nobody does where the policy fails.
    #[must_use]
    pub fn assess(&self, window: &ComparisonWindow) -> Vec<DivergenceAlert> {
        let policy = self.advice::<Divergence>();
        policy
            .and_then(|policy| policy.of(None).assess(window).ok())
            .unwrap_or_default()
    }

    /// What is done about a divergence. It is left as it is where the policy fails.
    #[must_use]
    pub fn repair(&self, row: &DivergedRow) -> RepairAction {
        let policy = self.advice::<Divergence>();
        let answer = policy.and_then(|policy| {
            let repair = policy.ask("repair", row.repository, row.subject.as_ref(), |policy| {
                policy.repair(row)
            });
            repair.ok()
        });
        answer.unwrap_or(RepairAction::Leave)
    }
}
