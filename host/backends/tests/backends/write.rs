use turnout_backends::Error;
use turnout_vocabulary::{Conflict, Delete, Filter, Find, Insert, Request, Resolution, Returning, Update};

use crate::world::{World, equal, insert, repository, representation, rows, sqlstate};

const PHONE_AND_NAME: [&str; 2] = ["phone", "name"];

fn upsert(json: &str, columns: &[&str], resolution: Resolution) -> Request {
    let conflict = Some(Conflict {
        columns: vec!["phone".into()],
        resolution,
    });
    Request::Insert(Insert {
        conflict,
        returning: representation(&["phone", "name", "visits"]),
        ..insert(json, columns)
    })
}

#[tokio::test]
async fn an_insert_answers_with_its_rows_their_number_and_the_key_of_a_single_one() {
    let world = World::clients().await;
    let returning = Returning {
        location: true,
        ..representation(&["id", "visits"])
    };
    let one = Insert {
        returning: returning.clone(),
        ..insert(r#"[{"phone":"1","name":"x"}]"#, &PHONE_AND_NAME)
    };
    let outcome = world.execute(Request::Insert(one)).await.unwrap();
    assert_eq!(outcome.body, r#"[{"id":5,"visits":0}]"#);
    assert_eq!((outcome.rows, outcome.inserted), (1, 1));
    assert_eq!(outcome.location, [("id".to_owned(), "5".to_owned())]);

    let two = Insert {
        returning,
        ..insert(r#"[{"phone":"2"},{"phone":"3"}]"#, &["phone"])
    };
    let outcome = world.execute(Request::Insert(two)).await.unwrap();
    assert_eq!((outcome.rows, outcome.inserted, outcome.location.len()), (2, 2, 0));

    let none = Insert {
        returning: Returning::default(),
        ..insert("[]", &["phone"])
    };
    let outcome = world.execute(Request::Insert(none)).await.unwrap();
    assert_eq!((outcome.body.as_str(), outcome.rows), ("", 0));
}

#[tokio::test]
async fn rows_without_columns_are_rows_of_defaults() {
    let world = World::clients().await;
    let outcome = world.execute(Request::Insert(insert("[{},{}]", &[]))).await.unwrap();
    assert_eq!(
        outcome.body,
        "[{\"id\":5,\"phone\":null,\"name\":null,\"visits\":0,\"vip\":null}, \n \
         {\"id\":6,\"phone\":null,\"name\":null,\"visits\":0,\"vip\":null}]"
    );
}

#[tokio::test]
async fn an_upsert_tells_new_rows_from_updated_and_ignored_ones() {
    let world = World::clients().await;
    let both = r#"[{"phone":"89000000001","name":"Anna II"},{"phone":"1","name":"New"}]"#;
    let outcome = world
        .execute(upsert(both, &PHONE_AND_NAME, Resolution::Merge))
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.inserted), (2, 1));
    assert!(
        outcome
            .body
            .contains(r#"{"phone":"89000000001","name":"Anna II","visits":1}"#)
    );

    let again = world
        .execute(upsert(both, &PHONE_AND_NAME, Resolution::Merge))
        .await
        .unwrap();
    assert_eq!((again.rows, again.inserted), (2, 0));

    let ignored = r#"[{"phone":"1","name":"Other"},{"phone":"2","name":"Newer"}]"#;
    let outcome = world
        .execute(upsert(ignored, &PHONE_AND_NAME, Resolution::Ignore))
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.inserted), (1, 1));
    assert_eq!(outcome.body, r#"[{"phone":"2","name":"Newer","visits":0}]"#);

    let twice = r#"[{"phone":"7"},{"phone":"7"}]"#;
    assert_eq!(
        sqlstate(world.execute(upsert(twice, &["phone"], Resolution::Merge)).await),
        "21000"
    );
}

#[tokio::test]
async fn an_upsert_needs_a_unique_key_and_falls_back_to_the_primary_one() {
    let world = World::clients().await;
    let on = |columns: Vec<String>| {
        let conflict = Some(Conflict {
            columns,
            resolution: Resolution::Merge,
        });
        Request::Insert(Insert {
            conflict,
            ..insert(r#"[{"id":1,"name":"Anna III"}]"#, &["id", "name"])
        })
    };
    assert_eq!(sqlstate(world.execute(on(vec!["name".into()])).await), "42P10");
    let outcome = world.execute(on(vec![])).await.unwrap();
    assert_eq!((outcome.rows, outcome.inserted), (1, 0));
    assert!(outcome.body.contains("89000000001"));
}

#[tokio::test]
async fn an_upsert_into_a_partitioned_table_works_too() {
    let script = "create table parts (id int primary key, name text) partition by range (id);
        create table low partition of parts for values from (0) to (10);
        create table high (name text, id int not null);
        alter table parts attach partition high for values from (10) to (20);
        insert into parts values (1, 'a'), (11, 'b')";
    let world = World::new(script, vec![repository("parts", &["id"], None)]).await;
    let json = r#"[{"id":1,"name":"c"},{"id":11,"name":"d"},{"id":2,"name":"e"},{"id":12,"name":"f"}]"#;
    let conflict = Some(Conflict {
        columns: vec![],
        resolution: Resolution::Merge,
    });
    let outcome = world
        .execute(Request::Insert(Insert {
            conflict,
            ..insert(json, &["id", "name"])
        }))
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.inserted), (4, 2));
}

#[tokio::test]
async fn an_update_changes_the_matching_rows_and_an_empty_one_changes_none() {
    let world = World::clients().await;
    let change = |json: &str, columns: &[&str]| {
        let filter = equal("name", "Anna");
        Request::Update(Update {
            change: rows(json, columns),
            filter,
            returning: representation(&["id", "name"]),
        })
    };
    let outcome = world.execute(change("[{}]", &[])).await.unwrap();
    assert_eq!((outcome.body.as_str(), outcome.rows), ("[]", 0));
    let outcome = world
        .execute(change(r#"[{"name":"Hanna","vip":null}]"#, &["name", "vip"]))
        .await
        .unwrap();
    assert_eq!(
        (outcome.body.as_str(), outcome.rows),
        (r#"[{"id":1,"name":"Hanna"}]"#, 1)
    );
}

#[tokio::test]
async fn a_delete_removes_the_matching_rows() {
    let world = World::clients().await;
    let delete = Delete {
        filter: equal("visits", "5"),
        returning: representation(&["id"]),
    };
    let outcome = world.execute(Request::Delete(delete)).await.unwrap();
    assert_eq!((outcome.body.as_str(), outcome.rows), (r#"[{"id":2}]"#, 1));
    let left = world.execute(Request::Find(Find::default())).await.unwrap();
    assert_eq!(left.rows, 3);
}

#[tokio::test]
async fn a_write_that_must_be_single_is_taken_back_otherwise() {
    let world = World::clients().await;
    let single = Returning {
        single: true,
        ..representation(&["id"])
    };
    let before = world.found(Find::default()).await;
    let delete = |filter| {
        Request::Delete(Delete {
            filter,
            returning: single.clone(),
        })
    };
    let update = Request::Update(Update {
        change: rows(r#"[{"visits":9}]"#, &["visits"]),
        filter: equal("vip", "true"),
        returning: single.clone(),
    });
    let two = Request::Insert(Insert {
        returning: single.clone(),
        ..insert(r#"[{"name":"a"},{"name":"b"}]"#, &["name"])
    });
    let minimal = Request::Delete(Delete {
        filter: Filter::default(),
        returning: Returning {
            single: true,
            ..Returning::default()
        },
    });
    for (request, expected) in [
        (delete(Filter::default()), 4),
        (delete(equal("id", "77")), 0),
        (update, 2),
        (two, 2),
        (minimal, 4),
    ] {
        let refused = world.execute(request).await;
        assert!(
            matches!(refused, Err(Error::NotSingle { rows }) if rows == expected),
            "{refused:?}"
        );
    }
    assert_eq!(world.found(Find::default()).await, before);
    assert_eq!(
        world.execute(delete(equal("id", "1"))).await.unwrap().body,
        r#"{"id":1}"#
    );
}

#[tokio::test]
async fn a_violated_constraint_is_told_to_the_caller_and_not_to_the_log() {
    let world = World::clients().await;
    let taken = world
        .execute(Request::Insert(insert(r#"[{"phone":"89000000001"}]"#, &["phone"])))
        .await
        .unwrap_err();
    assert!(!format!("{taken} {taken:?}").contains("89000000001"));
    let Error::Database(error) = taken else {
        panic!("{taken:?}")
    };
    assert_eq!(error.sqlstate, "23505");
    assert!(error.details.unwrap().contains("(phone)=(89000000001)"));
}
