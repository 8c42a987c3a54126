use std::time::Duration;

use tokio::time::sleep;
use turnout_backends::Leftover;
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, RepositoryId};

use super::{Handoffs, Obstacle};
use crate::policies::InForce;
use crate::subjects::subject_in;

/// How often is looked whether the dirty keys are gone.
const GLANCE: Duration = Duration::from_millis(2);

/// How many groups a side tells at most: there may be more, so that many are never taken for all.
const TOLD: usize = 1000;

impl Handoffs {
    /// Waits until no dirty key of a past epoch is left whose authority changes to the other side. The epoch is the mark:
    /// both fences stand, so no older entry can come any more. What is left on the side that is the authority from now on
    /// is in nobody's way.
    pub(super) async fn drain(&self, next: &InForce) -> Result<(), Obstacle> {
        for backend in Backend::ALL {
            let numbers = self.backends[backend].numbers().await?;
            loop {
                let leftovers = self.backends[backend].leftovers(next.epoch).await?;
                let too_many = leftovers.len() >= TOLD;
                let leaving = self.leaving(backend, next, &numbers, leftovers)?;
                if leaving.is_empty() && !too_many {
                    break;
                }
                if leaving.iter().any(|leftover| leftover.parked) {
                    return Err(Obstacle::Because(format!(
                        "keys whose authority changes are parked on backend {backend}: see `turnout mirror`, mend them and \
                         `turnout mirror retry`, or `turnout mirror drop` them; then make the change again"
                    )));
                }
                self.mirror.hurry(backend);
                sleep(GLANCE).await;
            }
            // What is not left must not come back either, when the server crashes: it would be put over what the next authority writes.
            self.backends[backend].persist().await?;
        }
        Ok(())
    }

    /// Why a handoff is not drained, in words.
    pub(super) async fn why_not_drained(&self, next: &InForce) -> String {
        let mut reasons = Vec::new();
        for (backend, database) in self.backends.iter() {
            if !database.health().up {
                reasons.push(format!("backend {backend} is down"));
            }
            if let Ok(leftovers) = database.leftovers(next.epoch).await {
                let keys: i64 = leftovers.iter().map(|leftover| leftover.keys).sum();
                if keys > 0 {
                    reasons.push(format!("{keys} dirty keys of backend {backend} were not mirrored"));
                }
            }
        }
        if reasons.is_empty() {
            "a transaction held up the fence".to_owned()
        } else {
            reasons.join(", ")
        }
    }

    /// Those leftovers of a side whose authority was there and is not any more.
    fn leaving(
        &self,
        side: Backend,
        next: &InForce,
        numbers: &[(i16, RepositoryId)],
        leftovers: Vec<Leftover>,
    ) -> Result<Vec<Leftover>, CallError> {
        let mut leaving = Vec::new();
        for leftover in leftovers {
            let Some((_, repository)) = numbers.iter().find(|(number, _)| *number == leftover.number) else {
                continue;
            };
            let subject = subject_in(leftover.subject.as_deref(), &self.rule);
            let moves = next.settled_authority(*repository, subject.as_ref())?.is_none();
            if moves && next.authority(*repository, subject.as_ref())? != side {
                leaving.push(leftover);
            }
        }
        Ok(leaving)
    }
}
