use super::*;

fn column(name: &str, type_name: &str) -> ShapeColumn {
    ShapeColumn {
        name: name.into(),
        type_name: type_name.into(),
        deterministic: true,
        ..ShapeColumn::default()
    }
}

fn table(columns: &[ShapeColumn]) -> Shape {
    Shape {
        role: "app".into(),
        columns: columns.to_vec(),
        ..Shape::default()
    }
}

/// The differences as text, each with the sides that it breaks.
fn compared(old: &Shape, new: &Shape) -> Vec<(String, bool, bool)> {
    compare("public.t", PerBackend { old, new })
        .into_iter()
        .map(|found| {
            (
                found.to_string(),
                found.breaks(Backend::Old),
                found.breaks(Backend::New),
            )
        })
        .collect()
}

#[test]
fn equal_tables_have_no_difference_whatever_the_order_of_their_columns() {
    let (a, b) = (column("a", "integer"), column("b", "text"));
    assert_eq!(compared(&table(&[a.clone(), b.clone()]), &table(&[b, a])), []);
}

/// A column on `old`, the same on `new`, the words for what differs, and whether that breaks `old` and `new`.
type Case = (ShapeColumn, ShapeColumn, &'static str, bool, bool);

fn check(cases: impl IntoIterator<Item = Case>) {
    for (old, new, words, on_old, on_new) in cases {
        let found = compared(&table(&[old]), &table(&[new]));
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        assert!(found[0].0.contains(words), "{words}: {found:?}");
        assert_eq!((found[0].1, found[0].2), (on_old, on_new), "{words}");
    }
}

#[test]
fn other_values_break_both_sides_and_both_definitions_are_named() {
    let plain = || column("c", "text");
    check([
        (
            column("c", "numeric"),
            column("c", "numeric(10,2)"),
            "has the type numeric on old and numeric(10,2) on new",
            true,
            true,
        ),
        (
            column("c", "timestamp with time zone"),
            column("c", "timestamp(0) with time zone"),
            "timestamp(0)",
            true,
            true,
        ),
        (
            ShapeColumn {
                domain: Some("text CHECK (a)".into()),
                ..column("c", "d")
            },
            ShapeColumn {
                domain: Some("text".into()),
                ..column("c", "d")
            },
            "d (text CHECK (a)) on old and d (text) on new",
            true,
            true,
        ),
        (
            ShapeColumn {
                generated: Some("(a + 1)".into()),
                ..plain()
            },
            ShapeColumn {
                generated: Some("(a + 2)".into()),
                ..plain()
            },
            "computed by (a + 1) on old and (a + 2) on new",
            true,
            true,
        ),
    ]);
    let missing = compared(&table(&[plain()]), &table(&[]));
    assert!(
        missing[0]
            .0
            .starts_with("table public.t: column c (text) is missing on new"),
        "{missing:?}"
    );
    assert_eq!((missing[0].1, missing[0].2), (true, true));
}

#[test]
fn what_one_side_lacks_breaks_that_side() {
    let plain = || column("c", "text");
    check([
        (
            ShapeColumn {
                default: Some("now()".into()),
                ..plain()
            },
            plain(),
            "has the default now() on old and no default on new",
            false,
            true,
        ),
        (
            plain(),
            ShapeColumn {
                identity: Some("d".into()),
                ..plain()
            },
            "has an identity on new and no default on old",
            true,
            false,
        ),
        (
            ShapeColumn {
                not_null: true,
                ..plain()
            },
            plain(),
            "is not null on old and nullable on new",
            true,
            false,
        ),
        (
            ShapeColumn {
                labels: vec!["a".into(), "b".into()],
                ..column("c", "mood")
            },
            ShapeColumn {
                labels: vec!["a".into()],
                ..column("c", "mood")
            },
            "the type mood has no label 'b' on new",
            false,
            true,
        ),
        (
            column("c", "citext"),
            ShapeColumn {
                out_of_path: Some("extensions".into()),
                ..column("c", "citext")
            },
            "alter role app set search_path = public, extensions",
            false,
            true,
        ),
        (
            ShapeColumn {
                deterministic: false,
                ..plain()
            },
            plain(),
            "compares texts loosely on old and exactly on new",
            true,
            true,
        ),
        (
            ShapeColumn {
                collation: Some("C".into()),
                ..plain()
            },
            ShapeColumn {
                collation: Some("ru_RU".into()),
                ..plain()
            },
            "has the collation C on old and ru_RU on new",
            false,
            false,
        ),
    ]);
}

#[test]
fn what_only_looks_different_is_none() {
    let nextval = |sequence: &str| ShapeColumn {
        default: Some(format!("nextval('{sequence}'::regclass)")),
        ..column("id", "integer")
    };
    let identity = ShapeColumn {
        identity: Some("d".into()),
        ..column("id", "integer")
    };
    let null = ShapeColumn {
        default: Some("NULL::text".into()),
        ..column("id", "integer")
    };
    for (old, new) in [
        (nextval("a_seq"), nextval("b_seq")),
        (nextval("a_seq"), identity),
        (null, column("id", "integer")),
    ] {
        assert_eq!(compared(&table(&[old]), &table(&[new])), []);
    }
}

#[test]
fn constraints_of_one_side_only_break_the_side_that_refuses_writes_for_it() {
    let with = |change: fn(&mut Shape)| {
        let mut shape = table(&[]);
        change(&mut shape);
        shape
    };
    for (old, words, on_old, on_new) in [
        (
            with(|shape| shape.unique.push("(phone)".into())),
            "unique (phone) is on old only",
            false,
            true,
        ),
        (
            with(|shape| shape.checks.push("CHECK ((a > 0))".into())),
            "CHECK ((a > 0)) is on old only",
            true,
            false,
        ),
        (
            with(|shape| shape.indexes.push("btree (a)".into())),
            "index btree (a) is on old only",
            false,
            false,
        ),
        (
            with(|shape| shape.triggers.push("touch".into())),
            "trigger touch is on old only",
            false,
            false,
        ),
        (
            with(|shape| shape.references.push("FOREIGN KEY (a)".into())),
            "FOREIGN KEY (a) is on old only",
            false,
            false,
        ),
    ] {
        let found = compared(&old, &table(&[]));
        assert!(found.len() == 1 && found[0].0.contains(words), "{words}: {found:?}");
        assert_eq!((found[0].1, found[0].2), (on_old, on_new), "{words}");
    }
}
