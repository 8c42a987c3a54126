//! The schedule of a run: all its events, drawn from the seed before it begins.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use rand::RngExt;
use turnout_vocabulary::Backend;

use super::dice::{Dice, dice};
use super::notes::Deed;
use super::options::Options;
use super::part::{Part, Way};
use super::stages::Stages;
use super::trouble::Trouble;

/// One event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the event begins, counted from the beginning of the run. It begins later if the event before it takes longer than planned.
    pub at: Duration,
    /// How long the event lasts before it is repaired.
    pub lasts: Duration,
    /// What happens.
    pub shock: Shock,
}

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shock {
    /// A host is killed and started again.
    Kill(usize),
    /// A host is frozen and woken again.
    Freeze(usize),
    /// A database crashes and is started again.
    Crash(Backend),
    /// A database is restored from a backup that is taken when the event begins, if no subject's authority is there.
    Restore(Backend),
    /// All connections to a database end, and so do new ones.
    Cut(Backend),
    /// Nothing passes to and from a database. Messages on their way arrive afterwards.
    Stall(Backend),
    /// Every message to and from a database arrives late by this much.
    Slow(Backend, Duration),
    /// The settings of a policy are written anew, with the same meaning.
    Touch,
    /// Cohorts move to these stages.
    Move(Stages),
    /// A module is replaced by one with other bytes that decides the same.
    Swap(Part, Way),
    /// The set before the one in force is brought back, by the host of this place.
    RollBack(usize),
    /// A module is replaced by one that traps. The hosts must take it back by themselves.
    Trap(Part, Way),
    /// Administrators write a table of their own, or alter it.
    Deed(Deed),
    /// Changed settings, sessions of others or other hosts get in the way.
    Trouble(Trouble),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, lasts, shock } = self;
        write!(f, "{at:>8.3?} for {lasts:.3?}: {shock:?}")
    }
}

/// A part of a run whose events follow each other. Different lanes have their events at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lane {
    Host(usize),
    Database(Backend),
    Network(Backend),
    Policies,
    Notes,
    Troubles,
}

impl Lane {
    /// The events of this lane, in order.
    pub(crate) fn draw(self, options: &Options) -> Vec<Event> {
        let mut dice = dice(options.seed, self.chooser());
        let mut events = Vec::new();
        if matches!(self, Self::Notes | Self::Troubles) && !options.surroundings {
            return events;
        }
        let mut at = time(&mut dice, 300..3_000);
        // In half of the runs cohorts stand still long enough for administrators to get something done.
        let pause = match self {
            Self::Policies if dice.random() => 1_000..9_000,
            _ => self.pause(),
        };
        while at < options.duration {
            let (shock, lasts) = self.shock(&mut dice, options);
            events.push(Event { at, lasts, shock });
            at += lasts + time(&mut dice, pause.clone());
        }
        events
    }

    fn shock(self, dice: &mut Dice, options: &Options) -> (Shock, Duration) {
        match self {
            Self::Host(host) => match dice.random_range(0..5) {
                0 | 1 => (Shock::Kill(host), time(dice, 0..1_500)),
                2 | 3 => (Shock::Freeze(host), time(dice, 50..1_500)),
                // Longer than a handoff waits, and longer than a bot waits.
                _ => (Shock::Freeze(host), time(dice, 5_000..9_000)),
            },
            Self::Database(backend) if options.surroundings && dice.random_ratio(1, 2) => {
                (Shock::Restore(backend), time(dice, 1_000..4_000))
            }
            Self::Database(backend) => (Shock::Crash(backend), time(dice, 0..1_000)),
            Self::Network(backend) => match dice.random_range(0..4) {
                0 => (Shock::Cut(backend), time(dice, 0..1_000)),
                1 => (Shock::Stall(backend), time(dice, 100..4_000)),
                _ => {
                    let delay = time(dice, 1..60);
                    (Shock::Slow(backend, delay), time(dice, 500..3_000))
                }
            },
            Self::Policies if options.stages_move => (policies(dice), Duration::ZERO),
            Self::Policies => (Shock::Touch, Duration::ZERO),
            Self::Notes => (Shock::Deed(Deed::draw(dice)), time(dice, 0..3_000)),
            Self::Troubles => (Shock::Trouble(Trouble::draw(dice)), time(dice, 100..1_500)),
        }
    }

    /// How long nothing is broken in this lane between two events, in milliseconds.
    fn pause(self) -> Range<u64> {
        match self {
            Self::Policies => 100..3_000,
            Self::Notes => 100..4_000,
            Self::Host(_) | Self::Network(_) | Self::Troubles => 500..5_000,
            Self::Database(_) => 3_000..15_000,
        }
    }

    fn chooser(self) -> u64 {
        match self {
            Self::Policies => 0,
            Self::Database(Backend::Old) => 1,
            Self::Database(Backend::New) => 2,
            Self::Network(Backend::Old) => 3,
            Self::Network(Backend::New) => 4,
            Self::Host(host) => 5 + host as u64,
            Self::Notes => 20,
            Self::Troubles => 21,
        }
    }
}

fn policies(dice: &mut Dice) -> Shock {
    let place = dice.random_range(0..2);
    let part = if dice.random() { Part::Routing } else { Part::DualWrite };
    let way = if dice.random() { Way::Directory } else { Way::Api(place) };
    match dice.random_range(0..16) {
        0..8 => Shock::Move(Stages::draw(dice)),
        8..10 => Shock::Touch,
        10..13 => Shock::Swap(part, way),
        13 => Shock::RollBack(place),
        _ => Shock::Trap(part, way),
    }
}

fn time(dice: &mut Dice, milliseconds: Range<u64>) -> Duration {
    Duration::from_millis(dice.random_range(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_seed_always_gives_the_same_schedule_and_another_seed_another() {
        let (options, others) = (Options::surrounded(7, MINUTE), Options::surrounded(8, MINUTE));
        for lane in [
            Lane::Host(0),
            Lane::Database(Backend::Old),
            Lane::Network(Backend::New),
            Lane::Policies,
            Lane::Notes,
            Lane::Troubles,
        ] {
            let events = lane.draw(&options);
            assert_eq!(events, lane.draw(&options), "{lane:?}");
            assert_ne!(events, lane.draw(&others), "{lane:?}");
            assert!(events.len() > 3, "{lane:?}");
        }
        assert_ne!(
            Lane::Network(Backend::Old).draw(&options),
            Lane::Network(Backend::New).draw(&options)
        );
    }

    #[test]
    fn without_a_mirror_no_stage_moves_and_nobody_writes_past_turnout() {
        let options = Options::apart(1, MINUTE);
        let events = Lane::Policies.draw(&options);
        assert!(events.iter().all(|event| event.shock == Shock::Touch));
        assert_eq!(Lane::Notes.draw(&options), []);
        assert_eq!(Lane::Troubles.draw(&options), []);
    }
}
