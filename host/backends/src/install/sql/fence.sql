-- The fence. A write made through Turnout carries its epoch in the setting `turnout.epoch`; the lowest epoch accepted is
-- the value of the sequence `turnout.fence`. A writer holds a shared lock on its epoch until its transaction ends, so
-- whoever raises the fence can wait for those that were let in before.

-- The class of the advisory locks: "turn" in ASCII.
create or replace function turnout.lock_class() returns integer
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$ select 1953853038 $$;

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

-- Goes on only if an epoch is let in here. Whoever raises the fence above it waits until this transaction has ended.
create or replace function turnout.enter(epoch bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not pg_try_advisory_xact_lock_shared(turnout.lock_class(), enter.epoch::integer)
        or turnout.lowest_epoch() > enter.epoch
    then
        raise exception using errcode = 'TN001', message = 'turnout: epoch ' || enter.epoch || ' is over';
    end if;
end $$;

-- Refuses writes of epochs below this one from now on. It waits for no writer.
create or replace function turnout.raise_fence(epoch bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
as $$
begin
    perform turnout.outlive_a_crash();
    -- One raiser at a time: the sequence must never go back. No epoch has this number.
    perform pg_advisory_xact_lock(turnout.lock_class(), -1);
    perform setval('turnout.fence', greatest(raise_fence.epoch, turnout.lowest_epoch()));
end $$;

-- Waits until the writes that were let in before the fence was raised to this epoch have ended. The wait is cut short by an
-- error (55P03); then it must be called again.
create or replace function turnout.await_fence(epoch bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
as $$
declare
    older integer;
begin
    for older in
        select distinct objid::bigint::integer
        from pg_locks
        where locktype = 'advisory' and objsubid = 2 and classid = turnout.lock_class()::oid
            and database = (select oid from pg_database where datname = current_database())
            and objid::bigint < await_fence.epoch
    loop
        perform pg_advisory_xact_lock(turnout.lock_class(), older);
    end loop;
end $$;

-- The transactions that hold up the fence, the oldest first, at most ten: sessions, and prepared transactions, which have a name
-- (gid) and no session. Of a query only the first word is told, as the rest may hold values.
create or replace function turnout.fence_holders(epoch bigint)
returns table (pid integer, gid text, application text, role text, since text, verb text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select holder.pid, prepared.gid, nullif(left(activity.application_name, 64), ''),
        coalesce(activity.usename, prepared.owner)::text,
        to_char(coalesce(activity.xact_start, prepared.prepared) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        lower(substring(activity.query from '^\s*([[:alpha:]]+)'))
    from (
        select distinct locks.pid, locks.virtualtransaction
        from pg_locks as locks
        where locks.locktype = 'advisory' and objsubid = 2 and granted and classid = turnout.lock_class()::oid
            and database = (select oid from pg_database where datname = current_database())
            and objid::bigint < fence_holders.epoch and locks.pid is distinct from pg_backend_pid()
    ) as holder
    left join pg_stat_activity as activity on activity.pid = holder.pid
    -- A prepared transaction has no process; what it shares with its locks is its number, which it holds a lock on.
    left join pg_locks as own on holder.pid is null and own.pid is null
        and own.virtualtransaction = holder.virtualtransaction and own.locktype = 'transactionid' and own.granted
    left join pg_prepared_xacts as prepared on prepared.transaction = own.transactionid
    order by coalesce(activity.xact_start, prepared.prepared)
    limit 10
$$;

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
