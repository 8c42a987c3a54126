-- Whoever applies this side's dirty keys to the other holds a lease with a token that grows with each taker. A taker raises
-- the token here, on the source, then on the target, and only then reads.

-- Takes the lease of this side's dirty keys, unless another holder has renewed it within `patience`. Returns the token, or
-- null if the lease is another's.
create or replace function turnout.take_lease(holder text, patience interval) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select turnout.outlive_a_crash();
    update turnout.lease
    set token = lease.token + 1, holder = take_lease.holder, renewed_at = clock_timestamp()
    where direction = 'outgoing'
        and (lease.holder is null or lease.holder = take_lease.holder
            or lease.renewed_at < clock_timestamp() - patience)
    returning token
$$;

-- Lets nobody with a smaller token apply to this side any more; waits for those that do. False if this token or a larger one is here: a
-- token that is new on the source is larger than any that came here, unless the source was restored from the past.
create or replace function turnout.admit_lease(token bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    update turnout.lease set token = admit_lease.token, renewed_at = clock_timestamp()
    where direction = 'incoming' and lease.token < admit_lease.token;
    return found;
end $$;

-- Keeps the lease while its holder is at something that takes long.
create or replace function turnout.renew_lease(token bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.lease set renewed_at = clock_timestamp() where direction = 'outgoing' and lease.token = renew_lease.token
$$;

-- Gives the lease up, so that another holder need not wait.
create or replace function turnout.leave_lease(token bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.lease set holder = null where direction = 'outgoing' and lease.token = leave_lease.token
$$;

-- Goes on only with the token of the lease, which then can't change until the transaction ends.
create or replace function turnout.hold_lease(way text, held bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from turnout.lease where direction = way and token = held for share;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
end $$;

-- How far both directions are here, and under which tokens.
create or replace function turnout.ticks()
returns table (outgoing_token bigint, outgoing_tick bigint, incoming_token bigint, incoming_tick bigint, incoming_shown bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select outgoing.token, outgoing.tick, incoming.token, incoming.tick, incoming.shown
    from turnout.lease as outgoing, turnout.lease as incoming
    where outgoing.direction = 'outgoing' and incoming.direction = 'incoming'
$$;

-- Notes that a side was restored from the past. Returns whether that is new here.
create or replace function turnout.note_rewound(side text, reason text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    insert into turnout.rewound (side, reason) values (note_rewound.side, note_rewound.reason) on conflict do nothing;
    return found;
end $$;

-- The sides that were restored from the past, as far as it is known here.
create or replace function turnout.rewound_sides() returns table (side text, reason text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select side, reason from turnout.rewound order by side $$;

-- Has both directions go on from the same token and the same batch, after a person said which side's rows count.
create or replace function turnout.level(token bigint, tick bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    update turnout.lease set token = level.token, tick = level.tick, shown = level.tick, holder = null;
    delete from turnout.rewound;
end $$;
