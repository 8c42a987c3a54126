//! Writers at the fence while it is raised two hundred times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use turnout_vocabulary::{Backend, Epoch};

use crate::fence::state;
use crate::world::{Table, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_of_an_epoch_commits_after_the_next_fence_is_up() {
    const WRITERS: u64 = 8;
    const RAISES: u64 = 200;
    let world = World::new(
        "create table t (id int primary key, n int not null); insert into t select n, 0 from generate_series(0, 7) as n;
         create table raised (epoch bigint, last xid8);",
        &[Table::called("t")],
    )
    .await;
    world.backends.old.raise_fence(Epoch::new(1)).await.unwrap();
    let (epoch, over) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (epoch, over, url) = (Arc::clone(&epoch), Arc::clone(&over), world.urls.old.clone());
            tokio::spawn(async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let (mut written, mut refused) = (0, 0);
                while !over.load(SeqCst) {
                    // Half of them are behind, so that they write at yesterday's epoch as long as they can.
                    let carried = epoch.load(SeqCst);
                    if writer % 2 == 0 {
                        tokio::time::sleep(Duration::from_millis(writer)).await;
                    }
                    let script = format!(
                        "begin; set local turnout.epoch = '{carried}'; update t set n = n + 1 where id = {writer}; \
                         select pg_sleep(0.00{writer}); commit"
                    );
                    match state(&mut connection, &script).await.as_str() {
                        "" => written += 1,
                        "TN001" => {
                            refused += 1;
                            state(&mut connection, "rollback").await;
                        }
                        other => panic!("{other}"),
                    }
                }
                (written, refused)
            })
        })
        .collect();
    for next in 2..2 + RAISES {
        epoch.store(next, SeqCst);
        world.backends.old.raise_fence(Epoch::new(next)).await.unwrap();
        world.backends.old.await_fence(Epoch::new(next)).await.unwrap();
        // Whatever commits from here on was not there for this snapshot.
        world
            .old(&format!(
                "insert into raised select {next}, coalesce(max(n)::text, '0')::xid8 from (select count(*) as n from turnout.dirty where epoch < {next}) as seen"
            ))
            .await;
    }
    over.store(true, SeqCst);
    let (mut written, mut refused) = (0, 0);
    for writer in writers {
        let (done, too_late) = writer.await.unwrap();
        written += done;
        refused += too_late;
    }
    let late = world
        .text(
            Backend::Old,
            "select string_agg(raised.epoch::text, ' ') from raised
             where last::text::bigint <> (select count(*) from turnout.dirty where dirty.epoch < raised.epoch)",
        )
        .await;
    assert_eq!(late, "", "writes of older epochs committed after these fences were up");
    assert!(refused > 0 && written > RAISES, "{written} written, {refused} refused");
    let counted = world.text(Backend::Old, "select sum(n)::text from t").await;
    assert_eq!(
        counted,
        written.to_string(),
        "what was acknowledged is there, what was refused is not"
    );
}
