//! Bots: the users of the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;

use super::call::call;
use super::dice::Dice;
use super::direct::direct;
use super::history::{Entry, Outcome};
use super::job::{Job, Way};
use super::rows::{Group, Key};
use super::spec::Step;
use super::transaction::transact;
use super::world::World;

/// The longest time in milliseconds that a bot pauses between two operations.
const THINKING: u64 = 30;

/// How long a bot waits after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// Runs one bot: it works on the rows of a group, one operation after the other, until the run is over.
pub(crate) async fn work(world: Arc<World>, group: Arc<Group>, mut dice: Dice, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let job = Job::draw(&mut dice, &world.recorder, &group);
        let place = dice.random_range(0..world.hosts.count());
        // The entries of one atomic operation have the same moment of invocation.
        let together = world.recorder.now();
        let moment = |_| {
            if job.is_atomic() {
                together
            } else {
                world.recorder.now()
            }
        };
        let invoked: Vec<_> = job.rows.iter().map(moment).collect();
        let outcomes = match job.way {
            Way::Named => call(&world, place, &job.rows, true).await,
            Way::Unnamed => call(&world, place, &job.rows, false).await,
            Way::Transaction(isolation) => transact(&world, place, &job.rows, isolation).await,
            Way::Behind => behind_its_back(&world, &job.rows).await,
        };
        for (((key, step), outcome), invoked) in job.rows.iter().zip(&outcomes).zip(invoked) {
            let entry = Entry {
                invoked,
                step: *step,
                outcome: *outcome,
            };
            world.recorder.record(key, entry);
        }
        pause(&mut dice, outcomes.contains(&Outcome::Refused)).await;
    }
}

/// Waits between two operations, or after a refusal.
pub(crate) async fn pause(dice: &mut Dice, refused: bool) {
    let pause = Duration::from_millis(dice.random_range(0..THINKING));
    tokio::time::sleep(if refused { AFTER_REFUSAL } else { pause }).await;
}

/// Carries out the steps behind Turnout's back at the authority, if the authority is known and does not change meanwhile. The rows are
/// those of listed subjects.
async fn behind_its_back(world: &World, rows: &[(Key, Step)]) -> Vec<Outcome> {
    let settled = world.settled.read().await;
    let Some(stages) = *settled else {
        return vec![Outcome::Refused; rows.len()];
    };
    let database = &world.databases[stages.listed.authority()];
    let mut outcomes = Vec::new();
    for (key, step) in rows {
        outcomes.push(direct(database, &world.recorder, key, *step).await);
    }
    outcomes
}
