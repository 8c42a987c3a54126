//! A row that is handed to another subject, whose authority is the other side: as soon as it is there it may be handed on,
//! and what is left of the first handover must not be put over that.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

use sqlx::{AssertSqlSafe, raw_sql};
use tokio::runtime::Builder;
use turnout_backends::DirtyKey;
use turnout_mirror::{Judge, Mirror, Unsaid, Verdict};
use turnout_vocabulary::{ApplyFailure, Backend, Epoch, RepositoryId, Retry};

use crate::world::{CLIENTS, T, World, eventually, parked, run};

/// The row is handed to somebody whose authority is `new`, and from there to somebody else.
pub(crate) const THERE: &str = "update clients set phone = 'there', name = 'second' where id = 1";
const ON: &str = "update clients set phone = 'here', name = 'third' where phone = 'there'";

#[tokio::test]
async fn one_that_was_handed_on_before_its_arrival_was_acknowledged_is_not_taken_back() {
    let world = with_clients(1).await;
    let judge = HandedOn::default();
    let _mirror = cut_off(
        &world,
        &judge,
        THERE,
        "select name from clients where name = 'second'",
        ON,
    )
    .await;
    assert_handed_on(&world, &judge).await;
}

#[tokio::test]
async fn one_that_was_deleted_and_added_there_before_that_was_acknowledged_is_not_deleted_again() {
    let world = with_clients(1).await;
    let judge = HandedOn::default();
    let gone = "select 'gone' where not exists (select from clients)";
    let again = "insert into clients values (1, 'here', 'third')";
    let _mirror = cut_off(&world, &judge, "delete from clients", gone, again).await;
    assert_handed_on(&world, &judge).await;
}

#[tokio::test]
async fn one_that_can_not_be_applied_leaves_no_receipt() {
    let world = with_clients(1).await;
    world
        .new_side("set turnout.epoch = 'mirror'; insert into clients values (1000, 'there', 'in the way')")
        .await;
    world.old(THERE).await;
    let _mirror = world.mirror_as(HandedOn::default());
    parked(&world).await;
    assert_eq!(world.text(Backend::New, RECEIPTS).await, "0");
}

#[tokio::test]
async fn one_whose_dirty_keys_are_in_two_batches_is_not_taken_back_with_the_second() {
    let world = with_clients(33).await;
    // The first of its dirty keys is the last of a batch, the other is in the next.
    world
        .old(&format!(
            "update clients set name = 'other' where id between 2 and 32; {THERE}; \
             update clients set name = 'other' where id = 33"
        ))
        .await;
    let judge = HandedOn::when_taken(&world, 33);
    let _mirror = world.mirror_as(judge.clone());
    assert_handed_on(&world, &judge).await;
}

#[tokio::test]
async fn one_that_is_handed_over_while_an_older_dirty_key_is_taken_arrives_with_the_entry_that_says_so() {
    let world = with_clients(2).await;
    world.old("update clients set name = 'older' where id = 1").await;
    // The dirty keys are seen before this, and the rows after it.
    let mut psql = world.begun("lock table clients in access exclusive mode").await;
    let judge = HandedOn::default();
    let _mirror = world.mirror_as(judge.clone());
    world.until_waited_for("clients").await;
    let commit = format!("{THERE}; update clients set name = 'other' where id = 2; commit");
    raw_sql(AssertSqlSafe(commit)).execute(&mut psql).await.unwrap();
    hand_on_when_it_arrives(&world).await;
    assert_handed_on(&world, &judge).await;
}

#[tokio::test]
async fn one_whose_dirty_keys_are_far_apart_is_not_taken_back_with_the_last() {
    let world = with_clients(20_000).await;
    // Those of many rows that are gone are between its own, and each of these is noted as received.
    world
        .old(&format!(
            "update clients set name = 'older' where id = 1; delete from clients where id > 2; {THERE}; \
             update clients set name = 'other' where id = 2"
        ))
        .await;
    let judge = HandedOn::default();
    let _mirror = world.mirror_as(judge.clone());
    hand_on_when_it_arrives(&world).await;
    assert_handed_on(&world, &judge).await;
    world.equal("*", "clients").await;
    eventually("nothing is noted as received", async || {
        (world.text(Backend::Old, NOTED).await == "0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_that_are_gone_are_acknowledged_though_the_table_of_dirty_keys_was_known_to_be_empty() {
    let world = with_clients(20_000).await;
    world
        .old("update clients set name = 'other'; delete from turnout.dirty")
        .await;
    world.old("vacuum (truncate false) turnout.dirty").await;
    world.old("delete from clients").await;
    let _mirror = world.mirror();
    world.equal("id", "clients").await;
}

/// How many receipts are on a side.
const RECEIPTS: &str = "select count(*)::text from turnout.receipt";

/// How many keys are noted as received there.
const NOTED: &str = "select count(*)::text from turnout.noted";

/// A mirror that is cut off from `old` when it acknowledges `change`, which is when `new` has `arrived`, and has changed once more
/// there.
async fn cut_off(world: &World, judge: &HandedOn, change: &str, arrived: &str, meanwhile: &str) -> Mirror {
    world.old(change).await;
    let mut psql = world.begun("lock table turnout.dirty in share mode").await;
    let mirror = world.mirror_as(judge.clone());
    eventually("it arrives", async || {
        (!world.text(Backend::New, arrived).await.is_empty()).then_some(())
    })
    .await;
    world.new_side(meanwhile).await;
    let cut = "select count(pg_terminate_backend(pid))::text from pg_locks
        where relation = 'turnout.dirty'::regclass and not granted";
    eventually("the acknowledgement is cut off", async || {
        (world.text(Backend::Old, cut).await == "1").then_some(())
    })
    .await;
    raw_sql("rollback").execute(&mut psql).await.unwrap();
    mirror
}

/// Waits until the row is on `new`, and hands it on there.
async fn hand_on_when_it_arrives(world: &World) {
    eventually("the row arrives", async || {
        (world.rows(Backend::New, "name", "clients where id = 1").await == "(second)").then_some(())
    })
    .await;
    world.new_side(ON).await;
}

/// So many clients, the same on both sides.
pub(crate) async fn with_clients(count: u32) -> World {
    let rows = format!("insert into clients select n, 'here ' || n, 'first' from generate_series(1, {count}) as n");
    World::new(&format!("{CLIENTS} {rows}"), &[T]).await
}

/// Both sides end with the row as it was handed on, when `old` has no dirty key left and then `new` none.
async fn assert_handed_on(world: &World, judge: &HandedOn) {
    world.until_drained().await;
    judge.old_is_drained.store(true, Relaxed);
    eventually("no dirty key is left", async || {
        (world.standing(Backend::New).await.dirty == 0).then_some(())
    })
    .await;
    for backend in Backend::ALL {
        let row = world.rows(backend, "phone, name", "clients where id = 1").await;
        assert_eq!(row, "(here,third)", "{backend}");
        eventually("no receipt is left", async || {
            (world.text(backend, RECEIPTS).await == "0").then_some(())
        })
        .await;
    }
}

/// The authority of the phone `there` is `new`, that of all others `old`. What is dirty on `new` has to wait until `old` is
/// drained.
#[derive(Clone, Default)]
struct HandedOn {
    old_is_drained: Arc<AtomicBool>,
    /// The row is handed on, on the database with this URL, when this key is taken on `old`.
    pending: Arc<Mutex<Option<(String, String)>>>,
}

impl HandedOn {
    fn when_taken(world: &World, id: u32) -> Self {
        Self {
            pending: Arc::new(Mutex::new(Some((format!("{{\"id\":{id}}}"), world.urls.new.clone())))),
            ..Self::default()
        }
    }
}

impl Judge for HandedOn {
    fn verdict(&self, source: Backend, _: RepositoryId, key: &DirtyKey) -> Verdict {
        if source == Backend::New && !self.old_is_drained.load(Relaxed) {
            return Verdict::Later;
        }
        if let Some((_, url)) = self.pending.lock().unwrap().take_if(|(when, _)| *when == key.key.get()) {
            let hand_on = || {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(run(&url, ON));
            };
            thread::scope(|scope| scope.spawn(hand_on).join().unwrap());
        }
        let is_away = |subject: &Option<String>| (subject.as_deref() == Some("there")) == (source == Backend::Old);
        if key.subjects.iter().any(is_away) {
            Verdict::HandOver
        } else {
            Verdict::Mirror
        }
    }

    fn is_authority(&self, source: Backend, _: RepositoryId, _: &DirtyKey, subject: Option<&str>) -> bool {
        (subject == Some("there")) == (source == Backend::New)
    }

    fn keeper(&self, _: RepositoryId, _: Epoch, _: Option<&str>) -> Result<Option<Backend>, Unsaid> {
        Err(Unsaid)
    }

    fn retry(&self, _: &ApplyFailure) -> Retry {
        Retry::Park
    }
}
