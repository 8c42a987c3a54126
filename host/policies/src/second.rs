use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use turnout_runtime::RoutingPolicy;
use turnout_vocabulary::{Backend, RepositoryId, Subject};

/// How many of the first questions are asked twice, and how many of those that follow: one in so many.
const FIRST: u64 = 16;
const ONE_IN: u64 = 64;

/// A second opinion on the authority of a sample of writes, of a fresh instance each: what an instance remembers of earlier
/// questions must not decide where a row is written.
#[derive(Default)]
pub(crate) struct SecondOpinion(AtomicU64);

impl SecondOpinion {
    /// Whether a fresh instance agrees, where one is asked. If it fails to answer, nothing is known against the first.
    pub(crate) fn agrees(
        &self,
        policy: &RoutingPolicy,
        repository: RepositoryId,
        subject: Option<&Subject>,
        authority: Backend,
    ) -> bool {
        let number = self.0.fetch_add(1, Relaxed);
        if number >= FIRST && !number.is_multiple_of(ONE_IN) {
            return true;
        }
        let second = policy.twin().ok().map(|fresh| fresh.authority(repository, subject));
        !matches!(second, Some(Ok(second)) if second != authority)
    }
}
