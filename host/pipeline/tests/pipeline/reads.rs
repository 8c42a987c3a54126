use turnout_backends::Error as BackendError;
use turnout_pipeline::Error;
use turnout_vocabulary::Backend;

use crate::world::{PHONE, World, find, insert};

#[tokio::test]
async fn a_read_goes_where_the_policy_plans_it() {
    let world = World::new();
    let (provenance, answer) = world.run(find(PHONE)).await;
    assert_eq!(answer.unwrap().body, r#"[{"side":"old"}]"#);
    assert_eq!(provenance.backend, Some(Backend::Old));
    assert!(provenance.staleness.is_some(), "old is not the authority");
    assert!(world.asked(Backend::New).is_empty());
}

#[tokio::test]
async fn a_side_that_was_never_compared_is_not_read() {
    let world = World::new();
    world.put_in_force(2, &[]);
    let (provenance, answer) = world.run(find(PHONE)).await;
    assert_eq!(answer.unwrap().body, r#"[{"side":"new"}]"#);
    assert_eq!(provenance.staleness, None);
}

#[tokio::test]
async fn the_fallback_answers_while_the_primary_is_down() {
    let world = World::new();
    world.sides.old.set(|side| side.unreachable = true);
    let (provenance, answer) = world.run(find(PHONE)).await;
    assert_eq!(answer.unwrap().body, r#"[{"side":"new"}]"#);
    assert_eq!(provenance.backend, Some(Backend::New));
}

#[tokio::test]
async fn a_read_without_a_fallback_fails_while_its_side_is_down() {
    let world = World::new();
    world.put_in_force(2, &[]);
    world.sides.new.set(|side| side.unreachable = true);
    let (_, answer) = world.run(find(PHONE)).await;
    let error = answer.unwrap_err();
    assert!(
        matches!(error, Error::Backend(BackendError::Unavailable { in_doubt: false, .. })),
        "{error:?}"
    );
    assert!(world.asked(Backend::Old).is_empty());
}

#[tokio::test]
async fn a_subject_reads_its_own_write_before_it_is_mirrored() {
    let world = World::new();
    world.sides.new.set(|side| side.oldest = Some(60));
    world.run(insert(PHONE)).await.1.unwrap();
    assert_eq!(world.run(find(PHONE)).await.0.backend, Some(Backend::New));
    assert_eq!(
        world.run(find("89990000001")).await.0.backend,
        Some(Backend::Old),
        "somebody else wrote nothing"
    );
    world.sides.new.set(|side| side.oldest = None);
    assert_eq!(world.run(find(PHONE)).await.0.backend, Some(Backend::Old));
}

#[tokio::test]
async fn a_read_under_an_epoch_that_is_over_is_decided_again() {
    let world = World::new();
    world.sides.old.set(|side| side.fence = 2);
    let (answer, ()) = tokio::join!(world.run(find(PHONE)), async {
        tokio::task::yield_now().await;
        world.put_in_force(2, &["clients"]);
    });
    assert_eq!(answer.0.epoch.get(), 2);
    assert_eq!(answer.1.unwrap().body, r#"[{"side":"old"}]"#);
}
