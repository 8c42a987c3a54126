mod attempt;
mod decided;
mod foreseen;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turnout_backends::Isolation;
use turnout_vocabulary::{Backend, OperationId, Outcome, Reference, RepositoryId, Request};

use foreseen::Foreseen;

use crate::{Error, Provenance};
use crate::{Pipeline, Run};

/// How often a transaction is tried that others get in the way of.
const ATTEMPTS: u32 = 5;

/// How long the first pause between two attempts is, about; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Operations that are done on one authority, all or none of them.
pub struct Transaction {
    /// What the answer and the log line call it.
    pub id: OperationId,
    /// What it sees of transactions beside it.
    pub isolation: Isolation,
    /// The operations, in their order.
    pub steps: Vec<Step>,
}

/// One operation of a transaction.
pub struct Step {
    /// The repository that it touches.
    pub repository: RepositoryId,
    /// What it asks for. It may refer to values of the answers to the operations before it.
    pub request: Request,
}

/// A transaction that is committed.
#[derive(Debug)]
pub struct Committed {
    /// What became of each operation.
    pub outcomes: Vec<Outcome>,
    /// How many attempts it took.
    pub attempts: u32,
}

/// A transaction that is not done.
#[derive(Debug)]
pub struct Failed {
    /// The operation to blame, by its place, if it is one.
    pub step: Option<usize>,
    /// Why.
    pub reason: Reason,
    /// How many attempts were made.
    pub attempts: u32,
}

/// Why a transaction is not done.
#[derive(Debug)]
pub enum Reason {
    /// An operation refers to what the answers before it do not have, or to an array or an object where a single value is needed.
    Unresolved(Reference),
    /// Others got in the way at every attempt.
    Contention(Error),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Where and why an attempt stopped.
type Stopped = (Option<usize>, Reason);

impl Pipeline {
    /// Does a transaction. If the policies that decided it are overtaken before anything was done, all of it is decided
    /// again under the next, unseen by the caller; so it is if it touches rows of others than was foreseen. If other transactions get
    /// in the way, it is tried a few times.
    pub async fn transact(&self, transaction: &Transaction) -> (Provenance, Result<Committed, Failed>) {
        let first = transaction
            .steps
            .first()
            .map_or(RepositoryId(0), |step| step.repository);
        let mut run = Run::begin(self, transaction.id, first);
        let mut foreseen = Foreseen::default();
        let (mut attempts, mut deadline, mut awaited) = (1, None, false);
        let result = loop {
            let (step, reason) = match run.attempt(transaction, &mut foreseen).await {
                Ok(outcomes) => break Ok(Committed { outcomes, attempts }),
                Err(stopped) => stopped,
            };
            let Reason::Error(error) = reason else {
                break Err(Failed { step, reason, attempts });
            };
            let again = if error.is_overtaken() {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.handoffs.patience());
                run.wait_for_others(deadline).await
            } else if matches!(error, Error::Unforeseen) {
                foreseen.may_come_true()
            } else if error.is_reference() && !awaited {
                awaited = true;
                match run.provenance.backend {
                    Some(authority) => run.await_references(authority).await,
                    None => false,
                }
            } else if error.is_transient() && attempts < ATTEMPTS {
                sleep(pause(attempts)).await;
                attempts += 1;
                true
            } else {
                false
            };
            if !again {
                if let Some(blamed) = transaction.steps.get(step.unwrap_or(0)) {
                    let action = blamed.request.action();
                    self.note(blamed.repository, action, &run.provenance, Some(&error));
                }
                let reason = if error.is_transient() {
                    Reason::Contention(error)
                } else {
                    Reason::Error(error)
                };
                break Err(Failed { step, reason, attempts });
            }
        };
        let failure = result.as_ref().err().map(|failed| match &failed.reason {
            Reason::Unresolved(_) => "unresolved",
            Reason::Contention(error) | Reason::Error(error) => error.kind(),
        });
        let Provenance {
            epoch,
            backend,
            policy,
            database,
            ..
        } = run.provenance;
        tracing::debug!(
            operation = %transaction.id,
            steps = transaction.steps.len(),
            backend = backend.map(Backend::as_str),
            %epoch,
            attempts,
            policy_us = policy.as_micros(),
            database_us = database.as_micros(),
            error = failure,
            "transaction"
        );
        (run.provenance, result)
    }
}

/// How long to wait after so many attempts: by chance, so that two that met do not meet again.
fn pause(attempts: u32) -> Duration {
    let about = FIRST_PAUSE * 2_u32.pow(attempts);
    let chance = RandomState::new().hash_one(attempts) % 1024;
    about / 2 + about * u32::try_from(chance).unwrap_or_default() / 1024
}
