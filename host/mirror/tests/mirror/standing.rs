//! What is told of a backlog, also of one that takes long to count.

use turnout_backends::MirrorStanding;
use turnout_vocabulary::Backend;

use crate::world::{Table, World};

#[tokio::test]
async fn a_large_backlog_is_estimated_and_a_large_table_with_few_keys_is_counted() {
    let script = "create table t (id int primary key); create table other (id int primary key);";
    let world = World::new(script, &[Table::called("t"), Table::called("other")]).await;
    // A third of them an hour old, and a tenth of another table.
    world
        .old(
            r#"insert into turnout.dirty (epoch, at, repository, behind, key)
               select 1, clock_timestamp() - (n % 3 = 0)::int * interval '1 hour', (n % 10 = 0)::int + 1, false, '{"id":' || n || '}'
               from generate_series(1, 600000) as n"#,
        )
        .await;
    let counted = dirty(&world.backends.old.mirror_standing().await.unwrap());
    assert_eq!(counted, [540_000, 60_000]);
    let estimated = world.backends.old.estimated_standing().await.unwrap();
    assert_ne!(dirty(&estimated), counted, "all were read");
    for (estimate, counted) in dirty(&estimated).into_iter().zip(counted) {
        assert!(estimate.abs_diff(counted) < counted / 4, "{estimate} of {counted}");
    }
    assert!(estimated[0].oldest.unwrap().as_secs() >= 3600, "{estimated:?}");

    world
        .on(
            Backend::Old,
            r#"delete from turnout.dirty where key <> '{"id":300001}'"#,
        )
        .await;
    assert_eq!(dirty(&world.backends.old.estimated_standing().await.unwrap()), [1, 0]);
}

/// The numbers of dirty keys, the most first.
fn dirty(standing: &[MirrorStanding]) -> Vec<u64> {
    let mut dirty: Vec<_> = standing.iter().map(|table| table.dirty).collect();
    dirty.sort_unstable_by(|one, other| other.cmp(one));
    dirty
}
