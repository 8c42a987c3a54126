use std::convert::Infallible;

use turnout_backends::{Isolation, Said};
use turnout_pipeline::{Asked, Committed, Error, Failed, Reason, Step, Transaction};
use turnout_vocabulary::{Backend, Filter, OperationId, Request};

use crate::world::{CLIENTS, PHONE, World, equal, insert, rename};

async fn transact(world: &World, requests: Vec<Request>) -> Result<Committed, Failed<Infallible>> {
    let steps = requests.into_iter().map(|request| Step {
        repository: CLIENTS,
        action: request.action(),
        request: Asked::Known(request),
    });
    let transaction = Transaction {
        id: OperationId::generate(),
        isolation: Isolation::Serializable,
        steps: steps.collect(),
    };
    world.pipeline.transact(&transaction).await.1
}

fn kinds(asked: &[String]) -> Vec<&str> {
    let kind = |statement: &String| {
        let kinds = ["begin", "commit", "rollback", "insert", "update"];
        kinds.into_iter().find(|kind| statement.contains(kind)).unwrap_or("?")
    };
    asked.iter().map(kind).collect()
}

fn update(phone: &str) -> Request {
    rename(equal("phone", phone))
}

#[tokio::test]
async fn operations_of_one_authority_are_one_transaction() {
    let world = World::new();
    let committed = transact(&world, vec![insert(PHONE), update(PHONE)]).await.unwrap();
    assert_eq!((committed.outcomes.len(), committed.attempts), (2, 1));
    let asked = world.asked(Backend::New);
    assert_eq!(kinds(&asked), ["begin", "insert", "update", "commit"]);
    assert!(world.asked(Backend::Old).is_empty());
}

#[tokio::test]
async fn an_operation_that_fails_takes_all_of_it_back() {
    let world = World::new();
    let violated = Said::Refused("23514", "a check is violated");
    world.sides.new.set(|side| side.next_writes = [violated].into());
    let failed = transact(&world, vec![insert(PHONE), update(PHONE)]).await.unwrap_err();
    assert_eq!(failed.step, Some(0));
    assert!(matches!(failed.reason, Reason::Error(Error::Backend(_))));
    assert_eq!(kinds(&world.asked(Backend::New)), ["begin", "insert", "rollback"]);
}

#[tokio::test]
async fn operations_of_two_authorities_reach_no_side() {
    let world = World::new();
    let failed = transact(&world, vec![insert(PHONE), insert("nobody")])
        .await
        .unwrap_err();
    let Reason::Error(Error::Apart { old, new }) = failed.reason else {
        panic!("the authorities differ")
    };
    assert_eq!((old, new), (vec![1], vec![0]));
    assert!(world.asked(Backend::Old).is_empty() && world.asked(Backend::New).is_empty());
}

#[tokio::test]
async fn contention_is_tried_five_times() {
    let world = World::new();
    let failed = Said::Refused("40001", "could not serialize access");
    world.sides.new.set(|side| side.next_writes = vec![failed; 5].into());
    let failed = transact(&world, vec![insert(PHONE)]).await.unwrap_err();
    assert_eq!(failed.attempts, 5);
    assert!(matches!(failed.reason, Reason::Contention(_)));
    assert_eq!(transact(&world, vec![insert(PHONE)]).await.unwrap().attempts, 1);
}

#[tokio::test]
async fn an_operation_on_every_row_is_refused() {
    let world = World::new();
    let failed = transact(&world, vec![rename(Filter::default())]).await.unwrap_err();
    assert!(matches!(failed.reason, Reason::Error(Error::Unfiltered { .. })));
}
