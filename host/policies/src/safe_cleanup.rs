//! What the safe-cleanup policy of a set says. Where it fails to say anything, nothing may be deleted.

use turnout_runtime::{CallError, SafeCleanup};
use turnout_vocabulary::{CleanupEvidence, CleanupRequest, CleanupRow, CleanupVerdict};

use crate::{PolicySet, Shipped};

/// The longest row that a policy is shown, and the longest samples together, in bytes.
const SHOWN_BYTES: usize = 1 << 20;

/// The most rows that a review is shown.
const SAMPLES: usize = 5;

/// Why the safe-cleanup policy gave no answer. A cleanup must be refused then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAdvice {
    /// The set holds no policy of the world.
    #[error("this host has no safe-cleanup policy")]
    NoPolicy,
    /// The texts of the row together are too long to be shown to a policy.
    #[error("the row is longer than 1 MiB, so the safe-cleanup policy was not asked about it")]
    RowTooLong,
    /// The policy failed.
    #[error(transparent)]
    Failed(#[from] CallError),
}

impl PolicySet {
    /// Whether a row carries the marks of a test row.
    ///
    /// # Errors
    /// [`NoAdvice`] if nobody says so: the row must not be deleted then.
    pub fn marks(&self, row: &CleanupRow) -> Result<bool, NoAdvice> {
        if row.text_bytes() > SHOWN_BYTES {
            return Err(NoAdvice::RowTooLong);
        }
        let policy = self.safe_cleanup()?;
        let subject = row.subject.as_ref();
        Ok(policy.ask("marks", row.repository, subject, |policy| policy.marks(row))?)
    }

    /// Whether a deletion goes ahead. The policy is shown the first 5 samples, without those that would make all of them longer than 1 MiB.
    /// The stable version decides: a request may be about many subjects.
    ///
    /// # Errors
    /// [`NoAdvice`] if nobody says so: nothing must be deleted then.
    pub fn review(&self, request: &CleanupRequest, evidence: &CleanupEvidence) -> Result<CleanupVerdict, NoAdvice> {
        let policy = self.safe_cleanup()?;
        let evidence = CleanupEvidence {
            counts: evidence.counts.clone(),
            samples: shown(&evidence.samples),
        };
        Ok(policy.ask("review", request.repository, None, |policy| {
            policy.review(request, &evidence)
        })?)
    }

    fn safe_cleanup(&self) -> Result<&Shipped<SafeCleanup>, NoAdvice> {
        self.advice().ok_or(NoAdvice::NoPolicy)
    }
}

/// The samples that a review is shown.
fn shown(samples: &[CleanupRow]) -> Vec<CleanupRow> {
    let mut left = SHOWN_BYTES;
    let fitting = samples.iter().take(SAMPLES).filter(|row| {
        let rest = left.checked_sub(row.text_bytes());
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    fitting.cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use prometheus_client::registry::Registry;
    use turnout_runtime::{Options, Runtime};
    use turnout_vocabulary::{CleanupColumn, Repository, RepositoryId, SubjectRule};

    use super::*;
    use crate::{Acceptance, Policies, PolicyMetrics, PolicySource, TrustedKeys, Worlds};

    fn named(name: String) -> CleanupRow {
        CleanupRow {
            repository: RepositoryId(0),
            subject: None,
            columns: vec![CleanupColumn {
                name: "name".into(),
                kind: "text".into(),
                text: Some(name),
            }],
        }
    }

    #[test]
    fn built_in_policy_is_asked_about_rows_that_are_not_too_long() {
        let nothing = tempfile::tempdir().unwrap();
        let repository = Repository {
            id: RepositoryId(0),
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: Some("phone".into()),
            compared: vec![],
        };
        let acceptance = Acceptance {
            trusted_keys: TrustedKeys::default(),
            exam_budget: Duration::from_secs(10),
        };
        let policies = Policies::load(
            PolicySource::new(nothing.path(), Worlds::default()),
            Runtime::new(&Options::default()).unwrap(),
            [repository].into(),
            SubjectRule::for_region("RU").unwrap(),
            acceptance,
            Arc::new(PolicyMetrics::register(&mut Registry::default())),
            None,
        );
        let set = policies.unwrap().in_force();
        assert_eq!(set.marks(&named("Anna [TEST_CLIENT]".into())), Ok(true));
        assert_eq!(set.marks(&named("Anna".into())), Ok(false));
        let longest = format!("[TEST_CLIENT]{}", "a".repeat(SHOWN_BYTES - 13));
        assert_eq!(set.marks(&named(longest.clone())), Ok(true));
        assert_eq!(set.marks(&named(longest + "a")), Err(NoAdvice::RowTooLong));
        let request = CleanupRequest {
            repository: RepositoryId(0),
            execute: true,
            expected: None,
        };
        let evidence = CleanupEvidence {
            counts: vec![],
            samples: vec![named("a".repeat(SHOWN_BYTES)); 2],
        };
        assert_eq!(set.review(&request, &evidence), Ok(CleanupVerdict::Agreed));
    }

    #[test]
    fn review_is_shown_five_rows_of_one_mebibyte_together() {
        let row = |bytes| named("a".repeat(bytes));
        let shown = |lengths: &[usize]| -> Vec<usize> {
            let rows: Vec<_> = lengths.iter().copied().map(row).collect();
            shown(&rows).iter().map(CleanupRow::text_bytes).collect()
        };
        assert_eq!(shown(&[1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5]);
        assert_eq!(shown(&[1, SHOWN_BYTES, SHOWN_BYTES - 1, 1]), [1, SHOWN_BYTES - 1]);
    }
}
