use turnout_handoff::NotBegun;
use turnout_pipeline::Error;
use turnout_vocabulary::Backend;

use crate::world::{PHONE, World, insert};

#[tokio::test]
async fn the_first_epoch_is_recorded_then_fenced_then_released() {
    let world = World::before_the_first_epoch();
    world.pipeline.handoffs.begin().await.unwrap();
    assert_eq!(world.pipeline.policies.in_force().epoch.get(), 1);
    assert_eq!(
        world.journal(),
        [
            "old: record_epoch",
            "new: record_epoch",
            "old: raise_fence",
            "old: await_fence",
            "new: raise_fence",
            "new: await_fence",
            "old: release_epoch",
            "new: note_released",
        ]
    );
    assert_eq!(world.run(insert(PHONE)).await.1.unwrap().rows, 1);
}

#[tokio::test]
async fn nothing_is_in_force_while_no_side_can_be_asked() {
    let world = World::before_the_first_epoch();
    for (_, side) in world.sides.iter() {
        side.set(|side| side.unreachable = true);
    }
    world.pipeline.handoffs.begin().await.unwrap();
    assert_eq!(world.pipeline.policies.in_force().epoch.get(), 0);
    assert!(world.journal().is_empty());
    assert!(matches!(world.run(insert(PHONE)).await.1, Err(Error::Backend(_))));
}

#[tokio::test]
async fn a_handoff_that_another_host_has_abandoned_is_not_in_force() {
    let world = World::before_the_first_epoch();
    world.sides.old.set(|side| side.refuses_release = true);
    let refused = world.pipeline.handoffs.begin().await.unwrap_err();
    assert!(matches!(&refused, NotBegun::Refused(_)), "{refused:?}");
    assert!(refused.to_string().contains("abandoned by another host"), "{refused}");
    // What was in force is so again under the next number, and only that is let in on the side that decides.
    assert_eq!(world.pipeline.policies.in_force().epoch.get(), 2);
    let journal = world.journal();
    assert_eq!(&journal[journal.len() - 2..], ["old: record_epoch", "old: raise_fence"]);
    assert_eq!(world.sides[Backend::Old].fence(), 2);
}
