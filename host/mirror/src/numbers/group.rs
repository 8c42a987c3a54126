use std::collections::BTreeMap;

use turnout_backends::{Count, Numbering};
use turnout_vocabulary::{Backend, PerBackend, Repository, RepositoryId, Span};

use super::Unnumbered;

/// The sequences of both sides that number the same column. Columns may share them.
pub(super) struct Group {
    /// A repository whose rows they number.
    pub(super) repository: String,
    /// The side that handed out numbers before, which is changed first.
    pub(super) leader: Backend,
    /// How the sequence of each side counts; `None` on a side where nothing numbers the column.
    of: PerBackend<Option<Numbering>>,
    /// The sides that can insert rows that need numbers.
    allots: PerBackend<bool>,
    /// Whether other sides than before can insert.
    moves: bool,
}

/// The sequences that number the rows of repositories, in groups: those of both sides that number one column.
pub(super) fn groups(
    repositories: &[Repository],
    numbering: &PerBackend<Vec<Numbering>>,
    span: impl Fn(RepositoryId) -> Span,
    before: impl Fn(RepositoryId) -> Span,
) -> Vec<Group> {
    let mut groups = BTreeMap::<_, Group>::new();
    for repository in repositories {
        let (span, before) = (span(repository.id), before(repository.id));
        for of in pairs(numbering, repository) {
            let names = [Backend::Old, Backend::New].map(|side| of[side].as_ref().map(|one| one.sequence.clone()));
            let group = Group {
                repository: repository.name.clone(),
                leader: if before == Span::One(Backend::New) {
                    Backend::New
                } else {
                    Backend::Old
                },
                of,
                allots: PerBackend::from_fn(|side| matches!(span, Span::Both) || span == Span::One(side)),
                moves: span != before,
            };
            match groups.get_mut(&names) {
                Some(shared) => shared.merge(&group),
                None => drop(groups.insert(names, group)),
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    share(&mut groups);
    groups
}

/// The sequences that number each column of a repository: pairs of a sequence of `old` and one of `new`.
fn pairs(numbering: &PerBackend<Vec<Numbering>>, repository: &Repository) -> Vec<PerBackend<Option<Numbering>>> {
    let mut columns = BTreeMap::<&str, PerBackend<Vec<&Numbering>>>::new();
    for (side, all) in numbering.iter() {
        let own = |one: &&Numbering| one.schema == repository.schema && one.table == repository.table;
        for one in all.iter().filter(own) {
            columns.entry(&one.column).or_default()[side].push(one);
        }
    }
    let mut pairs = Vec::new();
    for of in columns.values_mut() {
        for side in Backend::ALL {
            of[side].sort_by(|one, other| one.sequence.cmp(&other.sequence));
        }
        for place in 0..of.old.len().max(of.new.len()) {
            pairs.push(PerBackend::from_fn(|side| of[side].get(place).copied().cloned()));
        }
    }
    pairs
}

/// Gives groups that share a sequence the same sides that can insert: the shared sequence hands out numbers for all of them.
fn share(groups: &mut [Group]) {
    for _ in 0..groups.len() {
        let mut is_stable = true;
        for place in 0..groups.len() {
            for other in 0..groups.len() {
                let allots = groups[other].allots;
                if place != other && groups[place].shares(&groups[other]) && groups[place].allots != allots {
                    is_stable = false;
                    for side in Backend::ALL {
                        groups[place].allots[side] |= allots[side];
                        groups[other].allots[side] = groups[place].allots[side];
                    }
                }
            }
        }
        if is_stable {
            return;
        }
    }
}

impl Group {
    fn shares(&self, other: &Self) -> bool {
        Backend::ALL
            .into_iter()
            .any(|side| match (&self.of[side], &other.of[side]) {
                (Some(one), Some(other)) => one.sequence == other.sequence,
                _ => false,
            })
    }

    fn merge(&mut self, other: &Self) {
        for side in Backend::ALL {
            self.allots[side] |= other.allots[side];
            let furthest = other.of[side].as_ref().and_then(|one| one.furthest);
            let furthest = self.further(furthest, self.of[side].as_ref().and_then(|one| one.furthest));
            if let Some(one) = &mut self.of[side] {
                one.furthest = furthest;
            }
        }
        self.moves |= other.moves;
    }

    /// The furthest number of each side.
    pub(super) fn reached(&self) -> PerBackend<Option<i64>> {
        PerBackend::from_fn(|side| self.of[side].as_ref().and_then(|one| one.furthest))
    }

    /// The number that lies further in the direction in which the group's sequences count.
    pub(super) fn further(&self, one: Option<i64>, other: Option<i64>) -> Option<i64> {
        match (one, other) {
            (Some(one), Some(other)) if self.step() > 0 => Some(one.max(other)),
            (Some(one), Some(other)) => Some(one.min(other)),
            _ => one.or(other),
        }
    }

    /// The step of the group: the own step of the sequence of `old`, or of `new` where `old` has none.
    fn step(&self) -> i64 {
        let any = self.of.old.as_ref().or(self.of.new.as_ref());
        any.map_or(1, |one| one.own_step)
    }

    fn are_both_needed(&self) -> bool {
        self.allots.old && self.allots.new && self.of.old.is_some() && self.of.new.is_some()
    }

    /// The modulus and the remainder of the numbers that one side hands out while it is apart. Where the step is one, those of
    /// `old` are odd.
    fn class(&self, side: Backend) -> (i64, i64) {
        let step = self.step().saturating_abs();
        let start = self.of.old.as_ref().or(self.of.new.as_ref()).map_or(0, |one| one.start);
        let class = start.rem_euclid(step) + if side == Backend::Old { step } else { 0 };
        (step.saturating_mul(2), class)
    }

    /// Whether one side's sequence hands out only numbers of its own class, above the numbers of both sides.
    fn is_apart(&self, side: Backend) -> bool {
        let Some(one) = &self.of[side] else { return true };
        let (modulus, class) = self.class(side);
        let (Some(upcoming), Some(floor)) = (one.upcoming, one.floor) else {
            return false;
        };
        one.is_apart
            && one.step == self.step().saturating_mul(2)
            && upcoming.rem_euclid(modulus) == class
            && self.is_beyond(upcoming, floor)
    }

    fn is_beyond(&self, number: i64, other: i64) -> bool {
        if self.step() > 0 {
            number > other
        } else {
            number < other
        }
    }

    /// Whether nothing is to be changed, given that the same sides can insert as before.
    pub(super) fn is_settled(&self) -> bool {
        if self.are_both_needed() {
            self.obstacle().is_some() || Backend::ALL.into_iter().all(|side| self.is_apart(side))
        } else {
            Backend::ALL.into_iter().all(|side| self.back(side).is_none())
        }
    }

    /// What keeps the group's sequences from being set apart, if they must be.
    pub(super) fn obstacle(&self) -> Option<Unnumbered> {
        if !self.are_both_needed() {
            return None;
        }
        Backend::ALL.into_iter().find_map(|side| {
            let one = self.of[side].as_ref()?;
            Some(Unnumbered {
                repository: self.repository.clone(),
                backend: side,
                sequence: one.sequence.clone(),
                reason: one.obstacle.clone()?,
                is_held: false,
            })
        })
    }

    /// The change that sets one side's sequence apart, or that has it go on beyond the other side's numbers if it takes over from
    /// there. `None` if nothing is to be changed.
    pub(super) fn part(&self, side: Backend, beyond: Option<i64>) -> Option<Count> {
        let one = self.of[side].as_ref()?;
        if self.are_both_needed() {
            return (!self.is_apart(side)).then(|| self.apart(side, one, beyond));
        }
        let is_next = self.moves && self.allots[side] && !one.is_apart;
        let is_behind =
            beyond.is_some_and(|beyond| one.upcoming.is_none_or(|upcoming| !self.is_beyond(upcoming, beyond)));
        (is_next && is_behind).then(|| Self::alone(one, beyond))
    }

    /// The change that sets the leader's sequence apart once more, if the other side turned out to be past the number from which the leader
    /// counts.
    pub(super) fn overtaken(&self, reached: PerBackend<Option<i64>>) -> Option<Count> {
        let leader = self.of[self.leader].as_ref()?;
        let follower = self.leader.other();
        if !self.are_both_needed() || self.is_apart(follower) {
            return None;
        }
        let before = self.further(leader.furthest, self.of[follower].as_ref()?.furthest);
        let floor = if self.is_apart(self.leader) {
            leader.floor
        } else {
            before
        };
        let is_overtaken = match (reached[follower], floor) {
            (Some(reached), Some(floor)) => self.is_beyond(reached, floor),
            _ => false,
        };
        is_overtaken.then(|| self.apart(self.leader, leader, reached[follower]))
    }

    /// The change that gives one side's sequence its own step back. `None` if nothing is to be changed.
    pub(super) fn back(&self, side: Backend) -> Option<Count> {
        let one = self.of[side].as_ref()?;
        let reached = self.reached();
        (!self.are_both_needed() && one.is_apart).then(|| Self::alone(one, self.further(reached.old, reached.new)))
    }

    fn apart(&self, side: Backend, one: &Numbering, beyond: Option<i64>) -> Count {
        let (modulus, class) = self.class(side);
        Count {
            sequence: one.sequence.clone(),
            own: one.own_step,
            step: self.step().saturating_mul(2),
            modulus,
            class,
            beyond,
            apart: true,
        }
    }

    fn alone(one: &Numbering, beyond: Option<i64>) -> Count {
        let modulus = one.own_step.saturating_abs();
        Count {
            sequence: one.sequence.clone(),
            own: one.own_step,
            step: one.own_step,
            modulus,
            class: one.start.rem_euclid(modulus),
            beyond,
            apart: false,
        }
    }
}
