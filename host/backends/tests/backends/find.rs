use turnout_backends::Error;
use turnout_vocabulary::{
    Column, Count, Filter, Find, IsValue, NullsOrder, Operand, Operator, OrderBy, Request, Selected, Window,
};

use crate::world::{World, columns, compare, equal};

fn value(operator: Operator, column: &str, value: &str) -> Filter {
    compare(column, operator, Operand::Value(value.into()))
}

fn is(column: &str, value: IsValue) -> Filter {
    compare(column, Operator::Is, Operand::Is(value))
}

fn list(column: &str, values: &[&str]) -> Filter {
    compare(
        column,
        Operator::In,
        Operand::List(values.iter().copied().map(Into::into).collect()),
    )
}

fn by_id() -> Vec<OrderBy> {
    vec![OrderBy {
        embed: None,
        field: "id".into(),
        descending: false,
        nulls: None,
    }]
}

#[tokio::test]
async fn every_filter_and_its_negation_choose_the_rows_that_sql_would() {
    let world = World::clients().await;
    let cases = [
        (equal("phone", "89000000002"), "2", "1,3"),
        (value(Operator::Neq, "visits", "5"), "1,3,4", "2"),
        (value(Operator::Gt, "visits", "1"), "2,3", "1,4"),
        (value(Operator::Gte, "visits", "1"), "1,2,3", "4"),
        (value(Operator::Lt, "visits", "3"), "1,4", "2,3"),
        (value(Operator::Lte, "visits", "3"), "1,3,4", "2"),
        (value(Operator::Like, "name", "An%"), "1", "2,3"),
        (value(Operator::Ilike, "name", "an%"), "1,3", "2"),
        (list("visits", &["1", "3", "77"]), "1,3", "2,4"),
        (list("visits", &[]), "", "1,2,3,4"),
        (is("phone", IsValue::Null), "4", "1,2,3"),
        (is("phone", IsValue::NotNull), "1,2,3", "4"),
        (is("vip", IsValue::True), "1,4", "2,3"),
        (is("vip", IsValue::False), "2", "1,3,4"),
        (is("vip", IsValue::Unknown), "3", "1,2,4"),
        (
            Filter::Any(vec![
                equal("id", "1"),
                Filter::All(vec![equal("visits", "3"), equal("name", "anton")]),
            ]),
            "1,3",
            "2,4",
        ),
        (Filter::All(vec![]), "1,2,3,4", ""),
        (Filter::Any(vec![]), "", "1,2,3,4"),
    ];
    for (filter, chosen, others) in cases {
        for (filter, expected) in [(filter.clone(), chosen), (Filter::Not(Box::new(filter)), others)] {
            let find = Find {
                select: columns(&["id"]),
                filter: filter.clone(),
                order: by_id(),
                ..Find::default()
            };
            let body = world.found(find).await;
            let ids: Vec<&str> = body
                .split(|c: char| !c.is_ascii_digit())
                .filter(|id| !id.is_empty())
                .collect();
            assert_eq!(ids.join(","), expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn rows_come_as_the_database_writes_them_with_aliases_and_casts() {
    let world = World::clients().await;
    let select = vec![
        Selected::Column(Column {
            field: "id".into(),
            alias: Some("number".into()),
            cast: Some("text".into()),
            aggregate: None,
        }),
        Selected::Column(Column {
            field: "phone".into(),
            alias: None,
            cast: None,
            aggregate: None,
        }),
    ];
    let window = Window {
        offset: 1,
        limit: Some(2),
    };
    let find = Find {
        select,
        order: by_id(),
        window,
        count: Some(Count::Exact),
        ..Find::default()
    };
    let outcome = world.execute(Request::Find(find)).await.unwrap();
    assert_eq!(
        outcome.body,
        "[{\"number\":\"2\",\"phone\":\"89000000002\"}, \n {\"number\":\"3\",\"phone\":\"89000000003\"}]"
    );
    assert_eq!((outcome.rows, outcome.total), (2, Some(4)));
}

#[tokio::test]
async fn nulls_go_where_the_order_puts_them() {
    let world = World::clients().await;
    for (descending, nulls, expected) in [
        (false, None, "[1,2,3,4]"),
        (true, None, "[4,3,2,1]"),
        (false, Some(NullsOrder::First), "[4,1,2,3]"),
        (true, Some(NullsOrder::Last), "[3,2,1,4]"),
    ] {
        let order = vec![OrderBy {
            embed: None,
            field: "phone".into(),
            descending,
            nulls,
        }];
        let body = world
            .found(Find {
                select: columns(&["id"]),
                order,
                ..Find::default()
            })
            .await;
        let ids: String = body
            .chars()
            .filter(|c| c.is_ascii_digit() || "[],".contains(*c))
            .collect();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_single_row_is_one_object_and_any_other_number_is_an_error() {
    let world = World::clients().await;
    let single = |filter, count| {
        Request::Find(Find {
            select: columns(&["id"]),
            filter,
            count,
            single: true,
            ..Find::default()
        })
    };
    let outcome = world
        .execute(single(equal("phone", "89000000001"), Some(Count::Exact)))
        .await
        .unwrap();
    assert_eq!(
        (outcome.body.as_str(), outcome.rows, outcome.total),
        ("{\"id\":1}", 1, Some(1))
    );
    for (filter, expected) in [(equal("phone", "none"), 0), (Filter::default(), 4)] {
        let refused = world.execute(single(filter, None)).await;
        assert!(
            matches!(refused, Err(Error::NotSingle { rows }) if rows == expected),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_subjects_of_the_matching_rows_are_named_once_each_null_included() {
    let world = World::clients().await;
    world
        .sql(
            "alter table clients drop constraint clients_phone_key; insert into clients (phone) values ('89000000001')",
        )
        .await;
    let mut subjects = world
        .database
        .subjects(&world.repositories[0], &Filter::default())
        .await
        .unwrap();
    subjects.sort();
    let phones = ["89000000001", "89000000002", "89000000003"].map(|phone| Some(phone.to_owned()));
    assert_eq!(subjects[0], None);
    assert_eq!(subjects[1..], phones);
    let none = world
        .database
        .subjects(&world.repositories[0], &equal("id", "77"))
        .await
        .unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn an_unknown_type_and_a_malformed_value_are_postgresqls_to_refuse() {
    let world = World::clients().await;
    let select = vec![Selected::Column(Column {
        field: "id".into(),
        alias: None,
        cast: Some("nonsense".into()),
        aggregate: None,
    })];
    let refused = world
        .execute(Request::Find(Find {
            select,
            ..Find::default()
        }))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "42704");
    let refused = world
        .execute(Request::Find(Find {
            filter: equal("id", "x"),
            ..Find::default()
        }))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "22P02");
    let refused = world
        .execute(Request::Find(Find {
            filter: equal("phone", "a\0b"),
            ..Find::default()
        }))
        .await;
    assert_eq!(crate::world::sqlstate(refused), "22021");
}
