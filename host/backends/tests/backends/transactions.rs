//! Requests that are carried out as one transaction.

use std::borrow::Cow;

use turnout_backends::{Entry, Error, Isolation, Undone, Why};
use turnout_vocabulary::{
    Delete, Epoch, Filter, Find, Operand, Operator, Outcome, PlacedReference, Reference, Referred, Request, Update,
};

use crate::world::{World, compare, equal, insert, representation, rows};

async fn transact(world: &World, entries: &[Entry<'_>]) -> Result<Vec<Outcome>, Undone<Error>> {
    let isolation = Isolation::ReadCommitted;
    world.database.execute_all(entries, isolation, Epoch::FIRST).await
}

fn entry(world: &World, request: impl Into<Request>) -> Entry<'_> {
    Entry::Request(&world.repositories[0], Cow::Owned(request.into()))
}

/// Adds the client `Vera`.
fn vera() -> Request {
    Request::Insert(insert(
        r#"[{"phone":"89000000009","name":"Vera \"🙂\""}]"#,
        &["phone", "name"],
    ))
}

fn find(filter: Filter) -> Find {
    Find {
        filter,
        ..Find::default()
    }
}

fn cell(operation: usize, column: &str) -> Reference {
    Reference {
        operation,
        cell: Some((0, column.to_owned())),
    }
}

fn equal_to(column: &str, reference: Reference) -> Filter {
    compare(column, Operator::Eq, Operand::Reference(reference))
}

async fn names(world: &World) -> String {
    world
        .found(find(compare("name", Operator::Like, Operand::Value("Vera%".into()))))
        .await
}

#[tokio::test]
async fn later_requests_use_the_values_of_earlier_answers() {
    let world = World::clients().await;
    let count = Reference {
        operation: 1,
        cell: None,
    };
    let mut change = rows(r#"[{"name":null,"visits":null}]"#, &["name", "visits"]);
    change.references = [(9, "name", cell(0, "name")), (23, "visits", count)]
        .map(|(at, column, reference)| PlacedReference {
            at,
            row: 0,
            column: column.to_owned(),
            reference,
        })
        .into();
    let update = Update {
        change,
        filter: equal("phone", "89000000001"),
        returning: representation(&["name", "visits"]),
    };
    let id = cell(0, "id");
    let null = cell(0, "vip");
    let entries = [
        entry(&world, vera()),
        Entry::Value(&null, Some(Referred(None))),
        entry(&world, Request::Find(find(equal_to("id", id)))),
        entry(&world, Request::Update(update)),
        // Null equals null.
        entry(&world, Request::Find(find(equal_to("vip", null.clone())))),
    ];
    let Ok(outcomes) = transact(&world, &entries).await else {
        panic!("it is done")
    };
    assert!(
        outcomes[1].body.contains(r#""name":"Vera \"🙂\"""#),
        "{}",
        outcomes[1].body
    );
    assert_eq!(outcomes[2].body, r#"[{"name":"Vera \"🙂\"","visits":1}]"#);
    assert_eq!(outcomes[3].rows, 2);
}

#[tokio::test]
async fn whatever_stops_a_transaction_takes_all_of_it_back_and_is_named() {
    let world = World::clients().await;
    let twice = Request::Insert(insert(r#"[{"phone":"89000000001"}]"#, &["phone"]));
    let single = Find {
        single: true,
        ..find(equal("phone", "nobody"))
    };
    let colour = cell(0, "colour");
    let name = cell(0, "name");
    let everybody = compare("visits", Operator::Gte, Operand::Value("3".into()));
    for (last, expected) in [
        (entry(&world, twice), "23505"),
        (entry(&world, Request::Find(single)), "single"),
        (
            entry(&world, Request::Find(find(equal_to("name", colour)))),
            "unresolved",
        ),
        (
            Entry::Value(&name, Some(Referred(Some("Boris".into())))),
            r#"[Some("Vera \"🙂\"")]"#,
        ),
        (Entry::Value(&name, None), r#"[Some("Vera \"🙂\"")]"#),
        (
            Entry::Subjects(&world.repositories[0], everybody, vec![Some("89000000002".into())]),
            r#"[Some("89000000002"), Some("89000000003")]"#,
        ),
    ] {
        let entries = [entry(&world, vera()), last];
        let Err(Undone { at, why }) = transact(&world, &entries).await else {
            panic!("{expected}")
        };
        let why = match why {
            Why::Failed(Error::NotSingle { rows: 0 }) => "single".to_owned(),
            Why::Failed(error) => error.sqlstate().unwrap_or_default().to_owned(),
            Why::Unresolved(_) => "unresolved".to_owned(),
            Why::Unforeseen(texts) => format!("{texts:?}"),
        };
        assert_eq!((at, why.as_str()), (Some(1), expected));
        assert_eq!(names(&world).await, "[]");
    }
}

#[tokio::test]
async fn a_request_outside_a_transaction_refers_to_nothing() {
    let world = World::clients().await;
    let delete = Delete {
        filter: equal_to("id", cell(0, "id")),
        returning: representation(&[]),
    };
    let refused = world.execute(Request::Delete(delete)).await;
    assert!(matches!(refused, Err(Error::Unexpected { .. })));
}
