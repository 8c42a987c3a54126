//! Waits until nothing of past epochs is left that would change hands.
//!
//! - `moving` tells what changes hands.
//! - `direct` tells of rows that were written directly while they changed hands.

pub(crate) mod direct;
pub(crate) mod moving;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::sleep;
use turnout_backends::{Database, Group, LeftOf};
use turnout_mirror::Mirror;
use turnout_policies::InForce;
use turnout_vocabulary::{Backend, PerBackend, RecordingKey, Repository, RepositoryId, SubjectRule};

use crate::drain::moving::Moving;
use crate::held_up::HeldUp;
use crate::obstacle::Obstacle;

/// How often is looked whether the dirty keys are gone.
const GLANCE: Duration = Duration::from_millis(2);

/// How many groups are read at a time: what a host keeps of them in memory.
const PAGE: usize = 50_000;

/// How many subjects are asked about before operations on the same thread have their turn.
const TURN: usize = 100;

/// How many groups are waited for at a time.
const AWAITED: usize = 1000;

/// How many subjects are named.
const NAMED: usize = 5;

/// Waits for the pending entries of what changes hands.
pub(crate) struct Drain {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) repositories: Arc<[Repository]>,
    pub(crate) rule: SubjectRule,
    /// Names subjects in words for people.
    pub(crate) names: RecordingKey,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) moving: Arc<Moving>,
    pub(crate) held_up: Arc<HeldUp>,
}

impl Drain {
    /// Waits until no dirty key of a past epoch is left whose authority changes to the other side. The epoch is the mark:
    /// both fences stand, so no older entry can come any more. What is left on the side that is the authority from now on
    /// is in nobody's way, and so is what is left of subjects whose authority stays.
    pub(crate) async fn drain(&self, next: &InForce) -> Result<(), Obstacle> {
        for backend in Backend::ALL {
            let tables = self.moving.tables(backend, next).await?;
            loop {
                let moving = self.left(backend, next, &tables).await?;
                if !moving.is_empty() {
                    self.await_groups(backend, next, &tables, &moving).await?;
                    continue;
                }
                // An acknowledgement that a crash of the server takes back brings its entries back, and those would be put over what the next
                // authority writes. The crash may have come between the look and this, so another look has the last word.
                self.backends[backend].persist().await?;
                if self.left(backend, next, &tables).await?.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The first groups that something is left of and whose authority was on this side and is not any more. Nobody adds to
    /// them any more: what was let in before the fences has ended.
    async fn left(
        &self,
        side: Backend,
        next: &InForce,
        tables: &[(i16, RepositoryId)],
    ) -> Result<Vec<Group>, Obstacle> {
        let numbers: Vec<_> = tables.iter().map(|(number, _)| *number).collect();
        let mut moving = Vec::new();
        if numbers.is_empty() {
            return Ok(moving);
        }
        let mut last: Option<Group> = None;
        loop {
            let page = self.backends[side]
                .left_groups(next.epoch, &numbers, last.as_ref(), PAGE)
                .await?;
            let is_whole = page.len() < PAGE;
            last = page.last().cloned();
            for (place, group) in page.into_iter().enumerate() {
                if place % TURN == TURN - 1 {
                    yield_now().await;
                }
                if self.moving.moves_away(side, next, tables, &group)? {
                    moving.push(group);
                    if moving.len() == AWAITED {
                        return Ok(moving);
                    }
                }
            }
            if is_whole {
                return Ok(moving);
            }
        }
    }

    /// Waits until nothing is left of these groups.
    async fn await_groups(
        &self,
        side: Backend,
        next: &InForce,
        tables: &[(i16, RepositoryId)],
        groups: &[Group],
    ) -> Result<(), Obstacle> {
        loop {
            let left = self.backends[side].left_of(next.epoch, groups).await?;
            if left.is_empty() {
                self.held_up.by_nothing();
                return Ok(());
            }
            let parked: Vec<_> = left.iter().filter(|left| left.parked > 0).collect();
            if !parked.is_empty() {
                return Err(Obstacle::Because(format!(
                    "keys whose authority changes are parked on backend {side} ({}): see `turnout mirror`, mend them and \
                     `turnout mirror retry`, or `turnout mirror drop` them; then make the change again",
                    self.in_words(tables, &parked, |left| left.parked)
                )));
            }
            let target = side.other();
            let why = if self.backends[target].health().up {
                ""
            } else {
                ", which is down"
            };
            self.held_up.by_keys(format!(
                "dirty keys of backend {side} were not mirrored to backend {target}{why} ({})",
                self.in_words(tables, &left.iter().collect::<Vec<_>>(), |left| left.keys)
            ));
            self.mirror.hurry(side);
            sleep(GLANCE).await;
        }
    }

    /// Whose keys hold up a handoff, by repository, in words: subjects by their keyed hashes, reasons without values.
    fn in_words(&self, tables: &[(i16, RepositoryId)], left: &[&LeftOf], count: impl Fn(&LeftOf) -> i64) -> String {
        let mut words = Vec::new();
        for (number, repository) in tables {
            let of_table: Vec<_> = left.iter().filter(|left| left.group.number == *number).collect();
            if of_table.is_empty() {
                continue;
            }
            let keys: i64 = of_table.iter().map(|left| count(left)).sum();
            let subjects: BTreeSet<_> = of_table
                .iter()
                .filter_map(|left| self.rule.subject_in(left.group.subject.as_deref()))
                .map(|subject| self.names.name(&subject))
                .collect();
            let reasons: BTreeSet<_> = of_table.iter().filter_map(|left| left.reason.as_deref()).collect();
            let mut said = format!("{}: {keys} keys", self.repositories[usize::from(repository.0)].name);
            said += &listed(" of subjects ", subjects.iter().map(String::as_str));
            said += &listed(", reason ", reasons.into_iter());
            words.push(said);
        }
        words.join("; ")
    }
}

/// The first of a list after what they are; nothing if there is none.
fn listed<'a>(what: &str, mut items: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<_> = items.by_ref().take(NAMED).collect();
    match (first.is_empty(), items.count()) {
        (true, _) => String::new(),
        (false, 0) => format!("{what}{}", first.join(", ")),
        (false, more) => format!("{what}{} and {more} more", first.join(", ")),
    }
}
