//! Asks the questions of the checks once nothing is broken any more.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result};

use super::check::Check;
use super::handed::{self, Handed};
use super::history::{Entry, History, Outcome};
use super::linearizability::is_linearizable;
use super::lost::lost;
use super::notes::{Notes, retry_parked};
use super::rows::Key;
use super::spec::{Step, Value};
use super::world::World;
use super::{atomic, calm, last_look, sides};

/// How long the hosts may take until all of them serve with both databases, and again until no entries are pending.
pub(crate) const RECOVERY: Duration = Duration::from_mins(1);

/// How often parked keys are tried again while the mirror drains.
const RETRIES: u32 = 6;

/// The result of the checks.
#[derive(Default)]
pub(crate) struct Verdict {
    /// What is wrong.
    pub(crate) wrong: Vec<String>,
    /// The operations on each row and their answers.
    pub(crate) histories: HashMap<Key, History>,
}

/// Asks the questions of these checks.
pub(crate) async fn reach(world: &World, handed: &[Handed], notes: &Notes<'_>, checks: &[Check]) -> Result<Verdict> {
    let asked = |check| checks.contains(&check);
    let mut wrong = Vec::new();
    if calm::within(RECOVERY, || calm::all_up(world)).await.is_none() && asked(Check::Recovered) {
        wrong.push(format!("after {RECOVERY:?} not every host serves with both databases"));
    }
    if asked(Check::Drained) && !drains(world).await? {
        wrong.push(format!("after {RECOVERY:?} there are still rows to be mirrored"));
    }
    if asked(Check::Unparked) {
        for (backend, database) in world.databases.iter() {
            let parked = "select count(*) from turnout.held where parked_at is not null";
            let parked = calm::count(database, parked)
                .await
                .context("the parked rows can't be counted")?;
            if parked > 0 {
                wrong.push(format!("{parked} rows of {backend} are parked"));
            }
        }
    }
    if asked(Check::Equal) {
        // Truncation and writes without triggers are found and compared some time later.
        let is_over = async || notes.astray().await.ok()?.is_empty().then_some(());
        calm::within(RECOVERY, is_over).await;
        wrong.extend(sides::differences(world).await?);
        for row in handed {
            wrong.extend(handed::astray(world, row).await?);
        }
        wrong.extend(notes.astray().await?);
    }
    // A second look: what the first look saw in a row took effect before the second look began.
    last_look::at_all(world).await?;
    last_look::at_all(world).await?;
    let mut histories = world.recorder.histories();
    atomic::settle(&mut histories);
    if asked(Check::Expected) {
        let surprises = world.surprises.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.extend(
            surprises
                .iter()
                .map(|(answer, times)| format!("{times} times {answer}")),
        );
        if !histories.values().flatten().any(is_acknowledged) {
            wrong.push("not one write was acknowledged".into());
        }
    }
    if asked(Check::Refused) {
        let refused = refused(&histories);
        let astray = sides::values(world)
            .await?
            .into_iter()
            .filter(|(_, number, value)| refused.contains(&(*number, *value)));
        wrong.extend(astray.map(|(backend, number, value)| {
            format!("the write of {value} to {number} was refused, and is on {backend}")
        }));
    }
    for (key, history) in &histories {
        let lost = asked(Check::Acknowledged).then(|| lost(history)).flatten();
        if let Some(lost) = &lost {
            wrong.push(format!("{key:?}: {lost}"));
        }
        if asked(Check::Linearizable) && !is_linearizable(history) {
            wrong.push(format!("{key:?}: no order explains its history\n{}", told(history)));
        }
    }
    Ok(Verdict { wrong, histories })
}

/// Whether no entries are pending in time. Administrators have made some keys of their table impossible to mirror for a while, so parked
/// keys are tried again now and then.
async fn drains(world: &World) -> Result<bool> {
    for _ in 0..RETRIES {
        if calm::within(RECOVERY / RETRIES, || calm::drained(world))
            .await
            .is_some()
        {
            return Ok(true);
        }
        retry_parked(world).await?;
    }
    Ok(false)
}

/// The refused values, each with its row. If a write touched each row on its own, another row may have
/// the value.
fn refused(histories: &HashMap<Key, History>) -> HashSet<(i64, Value)> {
    let entries = histories
        .iter()
        .flat_map(|(key, history)| history.iter().map(|entry| (key.number, entry)));
    let refused = entries.filter(|(_, entry)| entry.outcome == Outcome::Refused);
    refused
        .filter_map(|(number, entry)| Some((number, entry.step.value()?)))
        .collect()
}

fn is_acknowledged(entry: &Entry) -> bool {
    entry.step != Step::Read && matches!(entry.outcome, Outcome::Done(..))
}

/// A history for people, with a line for each operation.
fn told(history: &[Entry]) -> String {
    let mut entries: Vec<_> = history
        .iter()
        .filter(|entry| entry.outcome != Outcome::Refused)
        .collect();
    entries.sort_by_key(|entry| entry.invoked);
    let line = |entry: &&Entry| {
        let Entry { invoked, step, outcome } = entry;
        match outcome {
            Outcome::Done(answered, reply) => format!("  {invoked} to {answered}: {step:?} {reply:?}\n"),
            _ => format!("  {invoked} on: {step:?} in doubt\n"),
        }
    };
    entries.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rows::Table;
    use super::super::spec::Step;
    use super::*;

    #[test]
    fn a_write_that_was_refused_to_one_row_may_be_done_to_another() {
        let entry = |outcome| Entry {
            invoked: 1,
            step: Step::Update(7),
            outcome,
        };
        let histories = [(1, Outcome::Refused), (2, Outcome::InDoubt)].map(|(number, outcome)| {
            let key = Key {
                table: Table::Bookings,
                phone: String::new(),
                number,
            };
            (key, vec![entry(outcome)])
        });
        assert_eq!(refused(&HashMap::from(histories)), HashSet::from([(1, 7)]));
    }
}
