use anyhow::Result;
use futures::future::join_all;

use super::call::call;
use super::calm;
use super::history::{Entry, Outcome};
use super::rows::Key;
use super::spec::Step;
use super::verdict::RECOVERY;
use super::world::World;

/// How many rows one last look reads, and how many looks are under way at once.
const ROWS: usize = 50;
const LOOKS: usize = 16;

/// Reads every row of the run once more, as its subject.
pub(crate) async fn at_all(world: &World) -> Result<()> {
    let mut keys: Vec<_> = world.recorder.histories().into_keys().collect();
    keys.sort_unstable();
    let subjects = keys.chunk_by(|a, b| (a.table, &a.phone) == (b.table, &b.phone));
    let looks: Vec<_> = subjects.flat_map(|keys| keys.chunks(ROWS)).collect();
    for (batch, place) in looks.chunks(LOOKS).zip((0..world.hosts.count()).cycle()) {
        for look in join_all(batch.iter().map(|keys| look_at(world, place, keys))).await {
            look?;
        }
    }
    Ok(())
}

async fn look_at(world: &World, place: usize, keys: &[Key]) -> Result<()> {
    let rows: Vec<_> = keys.iter().map(|key| (key.clone(), Step::Read)).collect();
    let look = calm::within(RECOVERY, async || {
        let invoked = world.recorder.now();
        let outcomes = call(world, place, &rows, true).await;
        let done = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(..)));
        done.then_some((invoked, outcomes))
    });
    let Some((invoked, outcomes)) = look.await else {
        let status = calm::status(world, place).await.unwrap_or_default();
        world.surprised_by(format!(
            "host {place} can't read rows though nothing is broken any more; it says {status}"
        ));
        return Ok(());
    };
    for ((key, step), outcome) in rows.into_iter().zip(outcomes) {
        world.recorder.record(&key, Entry { invoked, step, outcome });
    }
    Ok(())
}
