use turnout_backends::{Error as BackendError, Said};
use turnout_pipeline::Error;
use turnout_vocabulary::{Backend, MirrorState};

use crate::world::{PHONE, World, delete, equal, insert, rename};

#[tokio::test]
async fn a_write_goes_to_its_authority_and_carries_the_epoch() {
    let world = World::new();
    let (provenance, answer) = world.run(insert(PHONE)).await;
    assert_eq!(answer.unwrap().rows, 1);
    assert_eq!(provenance.mirror, Some(MirrorState::Pending));
    let [written] = &world.asked(Backend::New)[..] else {
        panic!("one write")
    };
    assert!(written.contains("insert into") && written.ends_with(" 1"), "{written}");
    assert!(world.asked(Backend::Old).is_empty());
}

#[tokio::test]
async fn a_fenced_write_is_decided_again_under_the_next_epoch() {
    let world = World::new();
    world.sides.new.set(|side| side.fence = 2);
    let (answer, ()) = tokio::join!(world.run(insert(PHONE)), async {
        tokio::task::yield_now().await;
        world.put_in_force(2, &["clients"]);
    });
    assert_eq!((answer.0.epoch.get(), answer.1.unwrap().rows), (2, 1));
    let epochs: Vec<_> = world.asked(Backend::New);
    assert!(epochs.last().unwrap().ends_with(" 2"), "{epochs:?}");
}

#[tokio::test]
async fn a_violated_constraint_behind_a_fence_is_not_told() {
    let world = World::new();
    let violated = Said::Refused("23505", "duplicate key");
    world.sides.new.set(|side| side.next_writes = [violated.clone()].into());
    let (_, answer) = world.run(insert(PHONE)).await;
    let error = answer.unwrap_err();
    assert!(matches!(&error, Error::Backend(BackendError::Database(error)) if error.sqlstate == "23505"));

    world.sides.new.set(|side| {
        side.next_writes = [violated].into();
        side.fence = 2;
    });
    let (answer, ()) = tokio::join!(world.run(insert(PHONE)), async {
        tokio::task::yield_now().await;
        world.put_in_force(2, &["clients"]);
    });
    assert_eq!(answer.1.unwrap().rows, 1);
}

#[tokio::test]
async fn a_write_that_others_got_in_the_way_of_is_tried_again() {
    let world = World::new();
    let failed = Said::Refused("40001", "could not serialize access");
    world
        .sides
        .new
        .set(|side| side.next_writes = [failed.clone(), failed].into());
    assert_eq!(world.run(insert(PHONE)).await.1.unwrap().rows, 1);
    assert_eq!(world.asked(Backend::New).len(), 3);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_in_doubt_and_not_repeated() {
    let world = World::new();
    world.sides.new.set(|side| side.next_writes = [Said::Lost].into());
    let (_, answer) = world.run(insert(PHONE)).await;
    let error = answer.unwrap_err();
    assert!(
        matches!(error, Error::Backend(BackendError::Unavailable { in_doubt: true, .. })),
        "{error:?}"
    );
    assert_eq!(world.asked(Backend::New).len(), 1);
}

#[tokio::test]
async fn a_write_that_names_nobody_is_split_by_authority() {
    let world = World::new();
    // Each side has the rows of both, as a mirror does.
    let subjects = format!("[null, \"{PHONE}\"]");
    for (_, side) in world.sides.iter() {
        side.set(|side| side.subjects.clone_from(&subjects));
    }
    let (provenance, answer) = world.run(rename(equal("name", "a"))).await;
    assert_eq!(answer.unwrap().rows, 2);
    assert_eq!((provenance.parts.old, provenance.parts.new), (Some(1), Some(1)));
    let [on_old] = &world.asked(Backend::Old)[..] else {
        panic!("one write")
    };
    let [on_new] = &world.asked(Backend::New)[..] else {
        panic!("one write")
    };
    assert!(on_old.contains("is null") && !on_old.contains(PHONE), "{on_old}");
    assert!(on_new.contains(PHONE) && !on_new.contains("is null"), "{on_new}");
}

#[tokio::test]
async fn a_split_write_tells_which_part_is_done() {
    let world = World::new();
    let subjects = format!("[null, \"{PHONE}\"]");
    for (_, side) in world.sides.iter() {
        side.set(|side| side.subjects.clone_from(&subjects));
    }
    let violated = Said::Refused("23514", "a check is violated");
    world.sides.new.set(|side| side.next_writes = [violated].into());
    let (_, answer) = world.run(rename(equal("name", "a"))).await;
    let Err(Error::Partial { done, failure }) = answer else {
        panic!("one part is done")
    };
    assert_eq!((done.old, done.new), (Some(1), None));
    assert!(matches!(*failure, Error::Backend(BackendError::Database(_))));
}

#[tokio::test]
async fn what_the_policy_does_not_admit_reaches_no_side() {
    let world = World::new();
    let (_, answer) = world.run(delete(equal("phone", PHONE))).await;
    assert!(matches!(answer, Err(Error::Frozen { .. })));
    let (_, answer) = world.run(rename(turnout_vocabulary::Filter::default())).await;
    assert!(matches!(answer, Err(Error::Unfiltered { .. })));
    assert!(world.asked(Backend::Old).is_empty() && world.asked(Backend::New).is_empty());
}
