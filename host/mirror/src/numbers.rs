//! Keeps both sides from handing out the same number. While both sides can insert into a repository, its sequences are set apart. While
//! one side alone can insert, they count as the application made them.

mod group;

use std::fmt;

use turnout_backends::{Count, Counted, Database, Error, Numbering};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository, RepositoryId, Span};

use group::{Group, groups};

/// A sequence that could not be set apart or set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnumbered {
    /// The repository whose rows it numbers.
    pub repository: String,
    /// The side that the sequence is on.
    pub backend: Backend,
    /// The sequence.
    pub sequence: String,
    /// Why, in words.
    pub reason: String,
    /// Whether the sequence can be changed once other transactions have ended.
    pub is_held: bool,
}

impl fmt::Display for Unnumbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            repository,
            backend,
            sequence,
            reason,
            ..
        } = self;
        write!(
            f,
            "sequence {sequence} on {backend}, which numbers {repository}, can't be kept from handing out numbers of the other side: \
             {reason}"
        )
    }
}

/// What became of a change of sequences.
#[derive(Debug, Default)]
pub struct Numbered {
    /// The sequences that were changed, each with its side.
    pub changed: Vec<(Backend, String)>,
    /// The sequences that could not be changed.
    pub troubles: Vec<Unnumbered>,
}

/// How far the numbers of each side of a group go, and whether one of its sequences could not be changed.
struct Reached {
    of: PerBackend<Option<i64>>,
    failed: bool,
}

impl From<PerBackend<Option<i64>>> for Reached {
    fn from(of: PerBackend<Option<i64>>) -> Self {
        Self { of, failed: false }
    }
}

/// The sequences of all repositories on both sides.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    /// The two sides.
    pub backends: &'a PerBackend<Database>,
    /// What is served.
    pub repositories: &'a [Repository],
    /// The epoch under which sequences are changed; it must still be let in.
    pub epoch: Epoch,
}

impl Numbers<'_> {
    /// Sets the sequences apart of the repositories that both sides can insert into by `span`, unless they are apart already.
    /// Where one side alone can insert and could not `before`, its sequences go on beyond the numbers of both sides. It can be repeated.
    ///
    /// # Errors
    /// Whatever keeps a backend from answering; [`Error::Fenced`] if the epoch is over.
    pub async fn set_apart(
        self,
        span: impl Fn(RepositoryId) -> Span,
        before: impl Fn(RepositoryId) -> Span,
    ) -> Result<Numbered, Error> {
        let numbering = self.look(true).await?;
        let groups = groups(self.repositories, &numbering, span, before);
        self.part(&groups).await
    }

    /// Where one side alone can insert by `span`, gives sequences that are apart their own steps back, beyond the numbers of both sides. It
    /// can be repeated: a sequence that another transaction holds now may be set back later.
    ///
    /// # Errors
    /// As [`set_apart`](Self::set_apart).
    pub async fn set_back(self, span: impl Fn(RepositoryId) -> Span) -> Result<Numbered, Error> {
        let numbering = self.look(true).await?;
        let groups = groups(self.repositories, &numbering, &span, &span);
        self.rejoin(&groups).await
    }

    /// Checks that all sequences count as `span` asks for, and changes those that do not: somebody may have set one otherwise, or another
    /// transaction may have held one when it was to be set back.
    ///
    /// # Errors
    /// As [`set_apart`](Self::set_apart).
    pub async fn mend(self, span: impl Fn(RepositoryId) -> Span) -> Result<Numbered, Error> {
        let numbering = self.look(false).await?;
        let seen = groups(self.repositories, &numbering, &span, &span);
        if seen.iter().all(Group::is_settled) {
            let mut numbered = Numbered::default();
            numbered.troubles.extend(seen.iter().filter_map(Group::obstacle));
            return Ok(numbered);
        }
        let mut numbered = self.set_apart(&span, &span).await?;
        let back = self.set_back(&span).await?;
        numbered.changed.extend(back.changed);
        numbered.troubles.extend(back.troubles);
        Ok(numbered)
    }

    /// Has one side alone hand out numbers, beyond all numbers that are known there. The other side is lost and not asked.
    ///
    /// # Errors
    /// As [`set_apart`](Self::set_apart).
    pub async fn take_over(self, side: Backend) -> Result<Numbered, Error> {
        let mut numbering = PerBackend::<Vec<Numbering>>::default();
        numbering[side] = self.backends[side].numbering(true).await?;
        let before = |_| Span::One(side.other());
        let groups = groups(self.repositories, &numbering, |_| Span::One(side), before);
        let mut numbered = self.part(&groups).await?;
        let back = self.rejoin(&groups).await?;
        numbered.changed.extend(back.changed);
        numbered.troubles.extend(back.troubles);
        Ok(numbered)
    }

    async fn look(self, with_rows: bool) -> Result<PerBackend<Vec<Numbering>>, Error> {
        let (old, new) = tokio::try_join!(
            self.backends.old.numbering(with_rows),
            self.backends.new.numbering(with_rows)
        )?;
        Ok(PerBackend { old, new })
    }

    /// Changes the leader's sequences first: only then is known beyond which number the other side must go on. If the other side turns out
    /// to have been further, the leader's sequences are changed once more.
    async fn part(self, groups: &[Group]) -> Result<Numbered, Error> {
        let mut numbered = Numbered::default();
        let (possible, impossible): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.obstacle().is_none());
        numbered
            .troubles
            .extend(impossible.into_iter().filter_map(Group::obstacle));
        let mut reached: Vec<Reached> = possible.iter().map(|group| group.reached().into()).collect();
        for is_second in [false, true] {
            let mut plan = PerBackend::<Vec<(usize, Count)>>::default();
            for (place, group) in possible.iter().enumerate().filter(|(place, _)| !reached[*place].failed) {
                let side = if is_second { group.leader.other() } else { group.leader };
                let beyond = group.further(reached[place].of[side.other()], reached[place].of[side]);
                if let Some(count) = group.part(side, beyond) {
                    plan[side].push((place, count));
                }
            }
            self.carry_out(&possible, plan, &mut reached, &mut numbered).await?;
        }
        let mut plan = PerBackend::<Vec<(usize, Count)>>::default();
        for (place, group) in possible.iter().enumerate().filter(|(place, _)| !reached[*place].failed) {
            if let Some(count) = group.overtaken(reached[place].of) {
                plan[group.leader].push((place, count));
            }
        }
        self.carry_out(&possible, plan, &mut reached, &mut numbered).await?;
        Ok(numbered)
    }

    async fn rejoin(self, groups: &[Group]) -> Result<Numbered, Error> {
        let mut numbered = Numbered::default();
        let all: Vec<_> = groups.iter().collect();
        let mut reached: Vec<Reached> = all.iter().map(|group| group.reached().into()).collect();
        let mut plan = PerBackend::<Vec<(usize, Count)>>::default();
        for (place, group) in all.iter().enumerate() {
            for side in Backend::ALL {
                plan[side].extend(group.back(side).map(|count| (place, count)));
            }
        }
        self.carry_out(&all, plan, &mut reached, &mut numbered).await?;
        Ok(numbered)
    }

    /// Changes sequences on both sides at once, and notes how far each sequence was.
    async fn carry_out(
        self,
        groups: &[&Group],
        plan: PerBackend<Vec<(usize, Count)>>,
        reached: &mut [Reached],
        numbered: &mut Numbered,
    ) -> Result<(), Error> {
        let counts = |side: Backend| -> Vec<Count> { plan[side].iter().map(|(_, count)| count.clone()).collect() };
        let (old, new) = (counts(Backend::Old), counts(Backend::New));
        let (old, new) = tokio::try_join!(self.count_on(Backend::Old, &old), self.count_on(Backend::New, &new))?;
        for (side, answers) in [(Backend::Old, old), (Backend::New, new)] {
            for ((place, _), counted) in plan[side].iter().zip(answers) {
                let group = groups[*place];
                if let Some(reason) = counted.problem {
                    reached[*place].failed = true;
                    numbered.troubles.push(Unnumbered {
                        repository: group.repository.clone(),
                        backend: side,
                        sequence: counted.sequence,
                        reason,
                        is_held: counted.is_held,
                    });
                } else {
                    let of = &mut reached[*place].of;
                    of[side] = group.further(counted.furthest, of[side]);
                    numbered.changed.push((side, counted.sequence));
                }
            }
        }
        Ok(())
    }

    async fn count_on(self, side: Backend, plan: &[Count]) -> Result<Vec<Counted>, Error> {
        if plan.is_empty() {
            return Ok(Vec::new());
        }
        self.backends[side].count_on(self.epoch, plan).await
    }
}
