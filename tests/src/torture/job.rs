//! Draws the next operation of a bot.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::dice::Dice;
use super::history::Recorder;
use super::rows::{Group, Key};
use super::spec::Step;
use super::transaction::ISOLATIONS;

/// The next operation of a bot.
pub(crate) struct Job {
    /// The rows, each with its step.
    pub(crate) rows: Vec<(Key, Step)>,
    /// The way to carry the steps out.
    pub(crate) way: Way,
}

/// A way to carry steps out.
pub(crate) enum Way {
    /// In one request that names the subjects.
    Named,
    /// In one request that names only the rows.
    Unnamed,
    /// In a transaction of this isolation level.
    Transaction(&'static str),
    /// Behind Turnout's back, at the authority.
    Behind,
}

impl Job {
    /// Draws one step on one row, the same step on all rows of a group, or a transaction.
    pub(crate) fn draw(dice: &mut Dice, recorder: &Recorder, group: &Group) -> Self {
        let mut rows = group.rows();
        let updated = recorder.value();
        let step: fn(&Recorder, u64) -> Step = match dice.random_range(0..20) {
            0..3 => |recorder, _| Step::Insert(recorder.value()),
            3..6 => |recorder, _| Step::Upsert(recorder.value()),
            6..9 => |_, updated| Step::Update(updated),
            9..11 => |_, _| Step::Delete,
            11..15 => return Self::transaction(dice, recorder, &rows),
            _ => |_, _| Step::Read,
        };
        if !dice.random_ratio(1, 3) {
            rows = rows.choose(dice).cloned().into_iter().collect();
        }
        let rows: Vec<_> = rows.into_iter().map(|key| (key, step(recorder, updated))).collect();
        let (_, first) = &rows[0];
        let way = if group.listed && dice.random_ratio(1, 10) {
            Way::Behind
        } else if matches!(first, Step::Update(_) | Step::Delete) && dice.random_ratio(1, 3) {
            Way::Unnamed
        } else {
            Way::Named
        };
        Self { rows, way }
    }

    /// Draws a transaction: a step of its own on each of two or three rows, in any order.
    fn transaction(dice: &mut Dice, recorder: &Recorder, keys: &[Key]) -> Self {
        let count = dice.random_range(2..=keys.len());
        let keys: Vec<_> = keys.sample(dice, count).cloned().collect();
        let step = |key| {
            let step = match dice.random_range(0..9) {
                0..2 => Step::Insert(recorder.value()),
                2..4 => Step::Upsert(recorder.value()),
                4..6 => Step::Update(recorder.value()),
                6..8 => Step::Delete,
                _ => Step::Read,
            };
            (key, step)
        };
        let rows = keys.into_iter().map(step).collect();
        let isolation = ISOLATIONS.choose(dice).unwrap_or(&ISOLATIONS[0]);
        Self {
            rows,
            way: Way::Transaction(isolation),
        }
    }

    /// Whether the operation is atomic.
    pub(crate) fn is_atomic(&self) -> bool {
        match self.way {
            Way::Transaction(_) => true,
            Way::Behind => false,
            // A request for rows of several subjects may be split by authority.
            Way::Named | Way::Unnamed => self.rows.iter().all(|(key, _)| key.phone == self.rows[0].0.phone),
        }
    }
}
