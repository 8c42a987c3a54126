-- Rows that are handed to a subject whose authority is the other side. As soon as such a row is there it may change there,
-- and what is dirty here of the time before must never be put over that. So an apply leaves a receipt with the row, which
-- says what the row was read with; an acknowledgement ends all of that, and who takes the lease ends it first of all.

-- What had other parameters in an earlier version.
drop function if exists turnout.ack(bigint, oid, tid[], json, json, json, boolean),
    turnout.ack(bigint, oid, tid[], json, json, json, boolean, json), turnout.received(json),
    turnout.ack(bigint, oid, tid[], json, json, json, boolean, json, boolean);

-- Ends all work on keys that the other side has received. `receipts` is a JSON array of objects with `schema`, `table`, `keys`, and
-- `seen`, the snapshot that their rows were read in. With `is_noted`, dirty keys that are done with go when an applier takes them.
create or replace function turnout.received(receipts json, is_noted boolean) returns void
-- The table of dirty keys has no index that says where a key is, and is taken for empty, as it mostly is: only a hash will do.
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = on set enable_nestloop = off
as $$
begin
    with receipt as materialized (
        select served.number, unnest(keys) as key, seen::pg_snapshot as seen
        from json_to_recordset(receipts) as part ("schema" text, "table" text, keys text[], seen text)
        join turnout.repository as served on served.schema_name = "schema" and served.table_name = "table"
    ), held as (
        delete from turnout.held using receipt
        where held.repository = receipt.number and held.key = receipt.key
            and not exists (
                select from unnest(xids) as writer where not pg_visible_in_snapshot(writer::text::xid8, receipt.seen)
            )
    ), noted as (
        insert into turnout.noted (repository, key, seen)
        select number, key, seen from receipt where is_noted
        on conflict (repository, key) do update set seen = excluded.seen, xid = excluded.xid
    )
    delete from turnout.dirty using receipt
    where not is_noted and dirty.repository = receipt.number and dirty.key = receipt.key
        and pg_visible_in_snapshot(dirty.xid, receipt.seen);
end $$;

-- Of these places in the table of dirty keys, those of keys that are done with, as the other side has received them.
create or replace function turnout.over(places tid[]) returns tid[]
-- What is noted may have become much since this was planned.
language sql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select coalesce(array_agg(dirty.ctid), '{}')
    from turnout.dirty join turnout.noted on noted.repository = dirty.repository and noted.key = dirty.key
    where dirty.ctid = any(places) and pg_visible_in_snapshot(dirty.xid, noted.seen)
$$;

-- Forgets what was noted as received before the table of dirty keys was read from its beginning to its end. `before` is a
-- snapshot of that beginning, and `filenode` the file that was read; both are null if there was no dirty key. Returns whether more is
-- noted.
create or replace function turnout.forget_received(token bigint, filenode oid, before pg_snapshot) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.hold_lease('outgoing', forget_received.token);
    if not exists (select from turnout.noted) then
        return false;
    end if;
    lock table turnout.dirty in row exclusive mode;
    if pg_relation_filenode('turnout.dirty'::regclass) <> filenode then
        return true;
    end if;
    if not exists (select from turnout.noted where not pg_visible_in_snapshot(xid, before)) then
        -- Millions of dead rows would be in the way of each take; so would be to wait for whoever reads them, as a dump does.
        begin
            lock table turnout.noted in access exclusive mode nowait;
            truncate turnout.noted;
            return false;
        exception when lock_not_available then null;
        end;
    end if;
    -- No more than takes no long time.
    delete from turnout.noted where ctid = any(array(
        select ctid from turnout.noted where before is null or pg_visible_in_snapshot(xid, before) limit 100000
    ));
    return true;
end $$;

-- Ends what a predecessor that applied these has not acknowledged. To be asked before anything is taken, also if there are none.
create or replace function turnout.end_received(token bigint, receipts json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    perform turnout.hold_lease('outgoing', end_received.token);
    -- What was noted in another cluster, of which this is a copy, would hide what changes here.
    delete from turnout.noted where pg_snapshot_xmax(seen) > pg_snapshot_xmax(pg_current_snapshot());
    if json_array_length(receipts) > 0 then
        perform turnout.received(receipts, true);
    end if;
end $$;

-- The receipts that are here, for the other side.
create or replace function turnout.receipts()
returns table (schema_name text, table_name text, keys text[], seen text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.schema_name, served.table_name, array_agg(receipt.key), receipt.seen::text
    from turnout.receipt join turnout.repository as served on served.number = receipt.repository
    group by served.schema_name, served.table_name, receipt.seen::text
$$;

-- Takes the receipts away, as the other side has ended what they stand for. If a crash brings them back, that is ended again.
create or replace function turnout.forget_receipts(token bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    perform turnout.hold_lease('incoming', forget_receipts.token);
    delete from turnout.receipt;
end $$;
