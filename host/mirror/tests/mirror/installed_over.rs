//! An installation over one of an earlier version.

use crate::world::{Table, World};
use turnout_vocabulary::Backend;

#[tokio::test]
async fn readers_that_gave_fewer_columns_are_written_anew() {
    let world = World::new("create table t (id int primary key);", &[Table::called("t")]).await;
    world
        .old(
            "drop function turnout.take, turnout.taken;
            create function turnout.take(token bigint, after tid, batch integer) returns table (key text)
            language sql return 'earlier';
            create function turnout.taken(of_table smallint, places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            create function turnout.taken_1(places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            update turnout.repository set read_as = turnout.shape('t'::regclass);
            insert into t values (1)",
        )
        .await;
    world.install(Backend::Old, false).await;
    let _mirror = world.mirror();
    world.equal("*", "t").await;
}
