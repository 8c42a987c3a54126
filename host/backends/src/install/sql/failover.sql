-- What a forced failover leaves behind on the side that was lost.

-- Shows all that is still to be mirrored of epochs before this one as divergences, parked keys included, and gives it up: the
-- rows of the other side are newer. Appliers must take the lease anew, with a token above the one that the failover let the
-- other side ask for. Returns how many keys.
create or replace function turnout.give_up(epoch bigint, reason text, token bigint) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    shown bigint;
begin
    perform turnout.outlive_a_crash();
    update turnout.lease set token = greatest(lease.token, give_up.token) + 1, holder = null
    where direction = 'outgoing';
    with waiting as (
        delete from turnout.dirty where dirty.epoch < give_up.epoch
        returning dirty.repository, dirty.key, dirty.epoch, dirty.xid
    ), kept as (
        delete from turnout.held where held.epoch < give_up.epoch
        returning held.repository, held.key, held.epoch
    )
    insert into turnout.divergence (repository, key, epoch, reason)
    select leftover.repository, leftover.key, max(leftover.epoch), give_up.reason
    from (
        select repository, key, waiting.epoch from waiting
        where not exists (
            select from turnout.noted
            where noted.repository = waiting.repository and noted.key = waiting.key
                and pg_visible_in_snapshot(waiting.xid, noted.seen)
        )
        union all
        select * from kept
    ) as leftover
    group by leftover.repository, leftover.key
    on conflict (repository, key) do update set epoch = excluded.epoch, reason = excluded.reason, at = clock_timestamp();
    get diagnostics shown = row_count;
    return shown;
end $$;
