use turnout_backends::{Isolation, Said};
use turnout_pipeline::{Committed, Error, Failed, Reason, Step, Transaction};
use turnout_vocabulary::{Backend, Comparison, Filter, Operand, OperationId, Operator, Reference, Request};

use crate::world::{CLIENTS, PHONE, World, equal, insert, rename};

async fn transact(world: &World, requests: Vec<Request>) -> Result<Committed, Failed> {
    let steps = requests.into_iter().map(|request| Step {
        repository: CLIENTS,
        request,
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

/// Rows whose column equals one of the first row of the first answer.
fn equals_first(column: &str, of: &str) -> Filter {
    Filter::Compare(Comparison {
        field: column.into(),
        operator: Operator::Eq,
        operand: Operand::Reference(Reference {
            operation: 0,
            cell: Some((0, of.into())),
        }),
    })
}

/// The answer to an insert of one row.
fn row(json: &str) -> Said {
    let columns = [Some(json), Some("1"), None, Some("1"), None, Some("77")];
    Said::Row(columns.map(|column| column.map(Into::into)).into())
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

#[tokio::test]
async fn a_key_of_a_row_that_it_writes_needs_no_question() {
    let world = World::new();
    // A question to the other side would find a row that it is the authority of.
    world.sides.old.set(|side| side.subjects = "[null]".into());
    world.sides.new.set(|side| {
        side.next_writes = [row(r#"[{"id":7}]"#)].into();
        side.subjects = format!(r#"["{PHONE}"]"#);
    });
    let committed = transact(&world, vec![insert(PHONE), rename(equals_first("id", "id"))]).await;
    assert_eq!(committed.unwrap().attempts, 1);
    let asked = world.asked(Backend::New);
    assert_eq!(kinds(&asked), ["begin", "insert", "update", "commit"]);
    assert!(asked[2].contains("7 7"), "{}", asked[2]);
}

#[tokio::test]
async fn rows_of_others_than_foreseen_are_decided_again() {
    let world = World::new();
    let spelled = r#"["+7 968 648-44-88"]"#;
    world.sides.new.set(|side| {
        side.next_subjects = ["[]".into(), spelled.into()].into();
        side.subjects = spelled.into();
    });
    let committed = transact(&world, vec![insert(PHONE), rename(equal("name", "x"))]).await;
    assert_eq!(committed.unwrap().attempts, 1);
    let expected = ["begin", "insert", "rollback", "begin", "insert", "update", "commit"];
    assert_eq!(kinds(&world.asked(Backend::New)), expected);
}

#[tokio::test]
async fn a_subject_that_an_answer_names_must_have_the_same_authority() {
    let world = World::new();
    for (name, step) in [(PHONE, None), ("nobody", Some(1))] {
        let answer = row(&format!(r#"[{{"name":"{name}"}}]"#));
        world
            .sides
            .new
            .set(|side| side.next_writes = [answer.clone(), answer].into());
        let result = transact(&world, vec![insert(PHONE), rename(equals_first("phone", "name"))]).await;
        assert_eq!(result.err().and_then(|failed| failed.step), step);
        let kinds_asked = world.asked(Backend::New);
        let first = ["begin", "insert", "rollback"];
        let done = ["begin", "insert", "update", "commit"];
        let expected = if step.is_some() {
            first.to_vec()
        } else {
            [&first[..], &done].concat()
        };
        assert_eq!(kinds(&kinds_asked), expected);
        world.sides.new.set(|side| side.next_writes.clear());
    }
}

#[tokio::test]
async fn a_subject_that_is_another_at_each_attempt_is_refused() {
    let world = World::new();
    let answers = (0..9).map(|digit| row(&format!(r#"[{{"name":"8968648448{digit}"}}]"#)));
    world.sides.new.set(|side| side.next_writes = answers.collect());
    let failed = transact(&world, vec![insert(PHONE), rename(equals_first("phone", "name"))]).await;
    let failed = failed.unwrap_err();
    assert!(matches!(failed.reason, Reason::Error(Error::Unforeseen)));
    assert_eq!((failed.step, failed.attempts), (Some(1), 1));
    assert!(!kinds(&world.asked(Backend::New)).contains(&"commit"));
}

#[tokio::test]
async fn a_reference_to_nothing_is_named() {
    let world = World::new();
    let update = rename(Filter::All(vec![equal("phone", PHONE), equals_first("id", "colour")]));
    let failed = transact(&world, vec![insert(PHONE), update]).await.unwrap_err();
    assert_eq!(failed.step, Some(1));
    let Reason::Unresolved(reference) = failed.reason else {
        panic!("the answer has no rows")
    };
    assert_eq!(reference.to_string(), "0.rows.0.colour");
    assert_eq!(kinds(&world.asked(Backend::New)), ["begin", "insert", "rollback"]);
}
