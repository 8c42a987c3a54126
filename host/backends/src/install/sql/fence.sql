-- The fence. A write made through Turnout carries its epoch in the setting `turnout.epoch`; the lowest epoch accepted is
-- the value of the sequence `turnout.fence`. A writer holds a shared lock on its epoch until its transaction ends, so
-- whoever raises the fence can wait for those that were let in before.

-- The class of the advisory locks: "turn" in ASCII.
create or replace function turnout.lock_class() returns integer
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return 1953853038;

-- Has the rest of this transaction outlive a crash, whatever commits usually do.
create or replace function turnout.outlive_a_crash() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end $$;

-- The lowest epoch that is accepted here.
create or replace function turnout.lowest_epoch() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select pg_sequence_last_value('turnout.fence'::regclass) $$;

-- Refuses writes of epochs below this one from now on, and waits until those that were let in before have ended. The
-- fence stands even if the wait is cut short (55P03); then it must be raised again to be waited for.
create or replace function turnout.raise_fence(epoch bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
as $$
declare
    older integer;
begin
    perform turnout.outlive_a_crash();
    -- One raiser at a time: the sequence must never go back. No epoch has this number.
    perform pg_advisory_xact_lock(turnout.lock_class(), -1);
    perform setval('turnout.fence', greatest(raise_fence.epoch, turnout.lowest_epoch()));
    for older in
        select distinct objid::bigint::integer
        from pg_locks
        where locktype = 'advisory' and objsubid = 2 and classid = turnout.lock_class()::oid
            and database = (select oid from pg_database where datname = current_database())
            and objid::bigint < raise_fence.epoch
    loop
        perform pg_advisory_xact_lock(turnout.lock_class(), older);
    end loop;
end $$;

-- Ends the sessions of Turnout that hold up the fence: transactions of a host that has gone or sleeps. Returns how many.
create or replace function turnout.end_holders(epoch bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select count(pg_terminate_backend(activity.pid))
    from pg_stat_activity as activity
    where activity.application_name = 'turnout' and activity.pid <> pg_backend_pid()
        and activity.pid in (
            select pid from pg_locks
            where locktype = 'advisory' and objsubid = 2 and granted and classid = turnout.lock_class()::oid
                and objid::bigint < end_holders.epoch
        )
$$;
