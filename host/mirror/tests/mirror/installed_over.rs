//! An installation over one of an earlier version.

use crate::world::{Table, World};
use turnout_vocabulary::Backend;

#[tokio::test]
async fn what_an_earlier_version_read_and_put_rows_with_is_written_anew() {
    let world = World::new("create table t (id int primary key);", &[Table::called("t")]).await;
    world
        .old(
            "drop function turnout.take, turnout.taken, turnout.taken_1, turnout.put;
            create function turnout.take(token bigint, after tid, batch integer) returns table (key text)
            language sql return 'earlier';
            create function turnout.taken(of_table smallint, places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            create function turnout.taken_1(places tid[], file oid, is_due boolean, batch integer)
            returns table (key text) language sql return 'earlier';
            create function turnout.put(of_table smallint, rows json) returns void language sql return null;
            create function turnout.put_1(json) returns void language sql return null;
            alter table turnout.repository add read_as text;
            insert into t values (1)",
        )
        .await;
    world.install(Backend::Old, false).await;
    let _mirror = world.mirror();
    world.equal("*", "t").await;
}
