//! Rows that stand in each other's way.

use turnout_vocabulary::Backend;

use crate::judge::OneSided;
use crate::world::{CLIENTS, T, World, parked, with_a_row_in_the_way};

#[tokio::test]
async fn two_rows_swap_a_unique_value_in_one_transaction_and_in_two() {
    let world = World::new(CLIENTS, &[T]).await;
    let mirror = world.mirror();
    world
        .old("insert into clients select n, 'p' || n from generate_series(1, 500) as n")
        .await;
    world.equal("*", "clients").await;
    world
        .old("begin; update clients set phone = 'x' where id = 1; update clients set phone = 'p1' where id = 2; update clients set phone = 'p2' where id = 1; commit")
        .await;
    world.equal("*", "clients").await;
    for script in [
        "update clients set phone = 'x' where id = 3",
        "update clients set phone = 'p3' where id = 4",
        "update clients set phone = 'p4' where id = 3",
    ] {
        world.old(script).await;
    }
    world.equal("*", "clients").await;
    // All of them at once, in a circle, among rows that only change their names.
    drop(mirror);
    world
        .old(
            "update clients set name = 'changed';
              begin; update clients set phone = 'q' || id where id between 10 and 200;
              update clients set phone = 'p' || (id - 9) % 191 + 10 where id between 10 and 200; commit",
        )
        .await;
    let _mirror = world.mirror();
    world.equal("*", "clients").await;
    assert!(world.backends.old.parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_row_that_another_keeps_out_is_parked_and_others_pass_it_swaps_included() {
    let world = with_a_row_in_the_way().await;
    let judge = OneSided::new(Backend::Old);
    judge.park_after(5);
    world
        .old("insert into clients values (1, 'one'), (2, 'two'), (3, 'three')")
        .await;
    {
        let _mirror = world.mirror();
        world.until_drained().await;
    }
    // In one batch: a swap, a row that is kept out, and rows that have no trouble.
    world
        .old(
            "begin; update clients set phone = 'x' where id = 1; update clients set phone = 'one' where id = 2;
              update clients set phone = 'two' where id = 1; update clients set phone = 'taken' where id = 3;
              insert into clients values (4, 'four'); commit",
        )
        .await;
    let _mirror = world.mirror_as(judge);
    let parked = parked(&world).await;
    assert_eq!(
        (parked.key.as_str(), parked.sqlstate.as_str(), parked.attempts),
        (r#"{"id":3}"#, "23505", 5)
    );
    assert_eq!(parked.reason, "table clients: constraint clients_phone_key");
    world.equal("*", "clients where id not in (3, 1000)").await;
    world.old("update clients set name = 'n' where id <> 3").await;
    world.equal("*", "clients where id not in (3, 1000)").await;
    let standing = world.standing(Backend::Old).await;
    assert_eq!((standing.parked, standing.held), (1, 0));
}
