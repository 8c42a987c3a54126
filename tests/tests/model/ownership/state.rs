//! The state of the two sides at one moment, and the effects of writes and appliers.

use turnout_vocabulary::Backend;

use super::Protocol;
use crate::protocol::other;

/// The largest number of committed writes.
pub(crate) const WRITES: u8 = 7;

/// A subject, by its authority: A's authority is `old`, B's is `new`.
type Subject = Backend;

/// The system at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The sides `old` and `new`.
    pub(crate) sides: [Side; 2],
    /// The acknowledged rows that were not deleted, each as its last write left it.
    acknowledged: Vec<Row>,
    /// How many writes are committed. The last write has this number.
    pub(crate) writes: u8,
    /// How many writes handed a row over.
    pub(crate) handed_over: u8,
    /// Whether two rows had the key at the same time.
    pub(crate) had_conflict: bool,
    /// What went wrong in the step that led here.
    pub(crate) fault: Option<Fault>,
}

/// One side's data about the key, and the applier that mirrors the side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Side {
    /// The row.
    pub(crate) row: Option<Row>,
    /// The entries of the key, dirty or parked.
    entries: Vec<Entry>,
    /// Whether the key is parked. New entries then wait with the parked ones.
    pub(crate) parked: bool,
    /// What the applier has read.
    pub(crate) batch: Option<Batch>,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    /// The number of the write that inserted it.
    id: u8,
    /// The number of the write that changed it last.
    number: u8,
    /// The row's subject.
    subject: Subject,
}

/// A dirty entry: the row's subject before the write and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    before: Option<Subject>,
    after: Option<Subject>,
}

/// The entries and the row of a side, read together. Entries that come later follow these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Batch {
    row: Option<Row>,
    /// Whether the take left the row of its side out, as a copy of the other side's row.
    is_copy: bool,
    entries: Vec<Entry>,
}

/// What no step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// An apply changed or removed an acknowledged row that was not a copy of the row on its authority.
    OverwrittenRow,
    /// A key was parked although only one row has it, or both sides are equal.
    FalseAlarm,
}

impl Entry {
    fn hands_over(self) -> bool {
        self.before.is_some() && self.after.is_some() && self.before != self.after
    }

    fn names(self, subject: Subject, protocol: Protocol) -> bool {
        let before = self.before == Some(subject);
        let after = self.after == Some(subject);
        match protocol {
            Protocol::NamesTheNewSubject => after || before && self.after.is_none(),
            Protocol::AsksWhoseItWas => before || after && !self.hands_over(),
            _ => before || after,
        }
    }
}

impl State {
    pub(crate) fn side_mut(&mut self, side: Backend) -> &mut Side {
        &mut self.sides[side as usize]
    }

    /// Whether an entry is pending.
    pub(crate) fn has_work(&self) -> bool {
        self.sides.iter().any(|side| !side.entries.is_empty())
    }

    /// Whether both sides hold the one acknowledged row, or no row if there is none.
    pub(crate) fn is_settled(&self) -> bool {
        let row = self.acknowledged.first().copied();
        self.acknowledged.len() < 2 && self.sides.iter().all(|side| side.row == row)
    }

    /// Whether each acknowledged row is on its authority, or on the other side with an entry.
    pub(crate) fn all_are_somewhere(&self) -> bool {
        self.acknowledged.iter().all(|row| {
            Backend::ALL.into_iter().any(|backend| {
                let side = &self.sides[backend as usize];
                side.row == Some(*row) && (row.subject == backend || !side.entries.is_empty())
            })
        })
    }

    /// A write at a side: the row that it leaves, with its entry.
    fn write(&mut self, side: Backend, row: Option<Row>) -> Option<()> {
        if self.writes == WRITES {
            return None;
        }
        self.writes += 1;
        let here = self.side_mut(side);
        let before = std::mem::replace(&mut here.row, row);
        here.entries.push(Entry {
            before: before.map(|row| row.subject),
            after: row.map(|row| row.subject),
        });
        self.acknowledged
            .retain(|known| before.is_none_or(|gone| known.id != gone.id));
        self.acknowledged.extend(row);
        self.acknowledged.sort_unstable_by_key(|known| known.id);
        self.had_conflict |= self.acknowledged.len() > 1;
        Some(())
    }

    /// The row of this side whose authority is this side.
    fn own(&self, side: Backend) -> Option<Row> {
        self.sides[side as usize].row.filter(|row| row.subject == side)
    }

    /// The subject whose authority is this side inserts a row.
    pub(crate) fn insert(&mut self, side: Backend) -> Option<()> {
        if self.sides[side as usize].row.is_some() {
            return None;
        }
        let number = self.writes + 1;
        self.write(
            side,
            Some(Row {
                id: number,
                number,
                subject: side,
            }),
        )
    }

    /// That subject updates its row, and may give it to the other subject.
    pub(crate) fn update(&mut self, side: Backend, hands_over: bool) -> Option<()> {
        let row = self.own(side)?;
        let number = self.writes + 1;
        let subject = if hands_over { other(side) } else { side };
        self.write(side, Some(Row { number, subject, ..row }))?;
        self.handed_over += u8::from(hands_over);
        Some(())
    }

    /// That subject deletes its row.
    pub(crate) fn delete(&mut self, side: Backend) -> Option<()> {
        self.own(side)?;
        self.write(side, None)
    }

    /// The applier reads all entries and the row, unless the key is parked.
    pub(crate) fn take(&mut self, source: Backend, protocol: Protocol) -> Option<()> {
        let side = self.side_mut(source);
        if side.parked || side.entries.is_empty() || side.batch.is_some() {
            return None;
        }
        let entries = side.entries.clone();
        let row = side.row.filter(|row| {
            protocol == Protocol::GivesWhatItFinds || entries.iter().any(|entry| entry.after == Some(row.subject))
        });
        let is_copy = row.is_none() && side.row.is_some();
        side.batch = Some(Batch { row, is_copy, entries });
        Some(())
    }

    /// The applier makes the target's row equal to what it has read, or parks the key.
    pub(crate) fn apply(&mut self, source: Backend, protocol: Protocol) -> Option<()> {
        let batch = self.side_mut(source).batch.take()?;
        if batch.is_copy && protocol == Protocol::LeavesWhatIsReplaced {
            self.side_mut(source).entries.drain(..batch.entries.len());
            return Some(());
        }
        let existing = self.sides[other(source) as usize].row;
        let changed = existing.filter(|_| existing != batch.row);
        if changed.is_some_and(|row| !self.may_change(source, &batch, row, protocol)) {
            if batch.is_copy && protocol != Protocol::ParksWhatIsReplaced {
                self.side_mut(source).entries.drain(..batch.entries.len());
                return Some(());
            }
            let is_same = changed.map(|row| row.id) == batch.row.map(|row| row.id);
            let is_gone = changed.is_some_and(|row| self.acknowledged.iter().all(|known| known.id != row.id));
            if is_same || is_gone && batch.row.is_none() || batch.is_copy && self.is_settled() {
                self.fault = Some(Fault::FalseAlarm);
            }
            self.side_mut(source).parked = true;
            return Some(());
        }
        // A copy may be removed: an entry on its authority is pending, so the row is mirrored once more.
        let is_lost = changed.is_some_and(|gone| {
            let is_copy = gone.subject == source && self.own(source) == Some(gone);
            self.acknowledged.contains(&gone) && !is_copy
        });
        if is_lost {
            self.fault = Some(Fault::OverwrittenRow);
        }
        self.side_mut(other(source)).row = batch.row;
        self.side_mut(source).entries.drain(..batch.entries.len());
        if let Some(Row { subject, .. }) = batch.row
            && subject != source
            && protocol != Protocol::ArrivesUnnoticed
        {
            self.side_mut(other(source)).entries.push(Entry {
                before: Some(subject),
                after: Some(subject),
            });
        }
        Some(())
    }

    /// Whether an apply may change the row that it finds on the target.
    fn may_change(&self, source: Backend, batch: &Batch, existing: Row, protocol: Protocol) -> bool {
        if protocol == Protocol::DoesNotAsk {
            return true;
        }
        let is_named = batch
            .entries
            .iter()
            .any(|entry| entry.names(existing.subject, protocol));
        let is_mirrored =
            matches!(protocol, Protocol::AnyNameWillDo | Protocol::AsksWhoseItWas) || existing.subject == source;
        let target = &self.sides[other(source) as usize];
        let is_on_its_way =
            protocol != Protocol::ForgetsWhatIsOnItsWay && target.entries.iter().any(|entry| entry.hands_over());
        is_named && is_mirrored && !is_on_its_way
    }

    /// A person asks for a retry of the parked key of this side.
    pub(crate) fn retry(&mut self, side: Backend) -> Option<()> {
        let side = self.side_mut(side);
        std::mem::take(&mut side.parked).then_some(())
    }
}
