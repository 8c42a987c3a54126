//! Those who use the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::call::call;
use super::dice::Dice;
use super::direct::direct;
use super::history::{Entry, Outcome, Recorder};
use super::rows::{Group, Key};
use super::spec::Step;
use super::world::World;

/// How long a bot thinks between two operations, at most, in milliseconds.
const THINKING: u64 = 30;

/// How long a bot waits after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// One bot: works on the rows of a group, one operation after the other, until all is over.
pub(crate) async fn work(world: Arc<World>, group: Arc<Group>, mut dice: Dice, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let rows = draw(&mut dice, &world.recorder, &group);
        let place = dice.random_range(0..world.hosts.count());
        let behind = group.listed && dice.random_ratio(1, 10);
        let invoked = world.recorder.now();
        let outcomes = if behind {
            behind_its_back(&world, &rows).await
        } else {
            call(&world, place, &rows).await
        };
        for ((key, step), outcome) in rows.iter().zip(&outcomes) {
            let entry = Entry {
                invoked,
                step: *step,
                outcome: *outcome,
            };
            world.recorder.record(key, entry);
        }
        let pause = Duration::from_millis(dice.random_range(0..THINKING));
        let refused = outcomes.contains(&Outcome::Refused);
        tokio::time::sleep(if refused { AFTER_REFUSAL } else { pause }).await;
    }
}

/// What to do next: one step on one row, or on all of the group's.
fn draw(dice: &mut Dice, recorder: &Recorder, group: &Group) -> Vec<(Key, Step)> {
    let all = group.rows();
    let chosen = all.choose(dice).cloned();
    let one = |step| chosen.clone().into_iter().map(|key| (key, step)).collect();
    match dice.random_range(0..20) {
        0..3 => one(Step::Insert(recorder.value())),
        3..7 => one(Step::Upsert(recorder.value())),
        7..11 => one(Step::Update(recorder.value())),
        11..13 => one(Step::Delete),
        13 if group.has_one_subject() => all
            .into_iter()
            .map(|key| (key, Step::Insert(recorder.value())))
            .collect(),
        14..17 if group.has_one_subject() => all.into_iter().map(|key| (key, Step::Read)).collect(),
        _ => one(Step::Read),
    }
}

/// The same at the authority itself, if it is known and stays so. The rows are those of listed subjects.
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
