use std::collections::BTreeMap;
use std::sync::Arc;

use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::Database;
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, PerBackend, RecordingKey, Repository, SubjectRule};

use crate::drain::moving::Moving;
use crate::obstacle::Obstacle;

/// How many groups are looked at, and how many subjects of a repository are named.
const LOOKED_AT: usize = 1000;
const NAMED: usize = 5;

/// Rows that were written directly while they changed hands.
pub(crate) struct DirectWrites {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    /// Names subjects in words for people.
    pub(crate) names: RecordingKey,
    pub(crate) moving: Arc<Moving>,
    pub(crate) alerts: Arc<Alerts>,
}

impl DirectWrites {
    /// What was written directly to a side while authority over it moved there, in words: a row that the other side still had
    /// to hand on may have replaced such a write. Asked after the drain and before the release: what is written later is
    /// replaced by nothing, and what was written before is still dirty, as nobody judges it during the handoff.
    pub(crate) async fn find(&self, next: &InForce) -> Result<Vec<String>, Obstacle> {
        let mut told = Vec::new();
        for side in Backend::ALL {
            let tables = self.moving.tables(side, next).await?;
            let numbers: Vec<_> = tables.iter().map(|(number, _)| *number).collect();
            if numbers.is_empty() {
                continue;
            }
            let groups = self.backends[side]
                .direct_groups(next.epoch, &numbers, LOOKED_AT)
                .await?;
            let mut subjects = BTreeMap::<_, Vec<String>>::new();
            for group in groups {
                if self.moving.moves_away(side.other(), next, &tables, &group)?
                    && let Some((_, repository)) = tables.iter().find(|(number, _)| *number == group.number)
                {
                    let subject = self.rule.subject_in(group.subject.as_deref());
                    let name = subject.map_or_else(|| "nobody".to_owned(), |subject| self.names.name(&subject));
                    subjects.entry(repository.0).or_default().push(name);
                }
            }
            for (repository, mut names) in subjects {
                let all = names.len();
                names.truncate(NAMED);
                told.push(format!(
                    "rows of repository {} were written directly on backend {side} while authority over them moved there, in the \
                     handoff to epoch {}: an older row of backend {} may have replaced them; look at the rows of these subjects \
                     ({all}, the first: {}) and write them again if needed",
                    self.repositories[usize::from(repository)].name,
                    next.epoch,
                    side.other(),
                    names.join(", ")
                ));
            }
        }
        Ok(told)
    }

    /// Says what [`find`](Self::find) found.
    pub(crate) fn tell(&self, told: Vec<String>) {
        for message in told {
            let cause = Cause::new(Kind::DirectWrite, Component::Handoff);
            self.alerts.raise(cause.warns(message));
        }
    }
}
