-- What an applier asks of the side that it reads.

-- What had other parameters in an earlier version.
drop function if exists turnout.take(bigint, tid, integer);

-- The dirty keys after a place in the table, of at most `batch` entries, and those held keys that are due; each with its row as it is
-- now, or none if there is none: JSON, in which every value is the text of its type, as all that JSON has no words for is lost otherwise. An
-- object with `place`, which the next ones come after, `file`, which the places are in, `seen`, a snapshot from before the entries were
-- looked at, `looked_at`, how many entries that were, `received`, the places of those that are done with already, `parts`, one for each
-- table as its reader makes it, and `stopped`, the tables that can't be read, with the reason; null at the end of the table. Entries of
-- stopped tables, and those that a reader leaves for the next time, are in no part. Entries of tables that are `resting` are passed over.
-- Renews the lease.
create or replace function turnout.take(token bigint, after tid, batch integer, resting smallint[]) returns json
-- How many places there are changes each time, and to plan for just that takes several times as long as all the rest. The table is
-- read in the order of its places, also if it was empty when that was planned: what is noted is forgotten after its end. A plan with a
-- scan that is discouraged counts as expensive, and compiling it to machine code would take a hundred times as long as running it.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set jit = off set lock_timeout = '50ms' set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    number smallint;
    places tid[];
    looked_at integer;
    place tid;
    received tid[] := '{}';
    numbers smallint[];
    due smallint[];
    file bigint;
    seen pg_snapshot := pg_current_snapshot();
    is_old boolean;
    holding boolean;
    part json;
    parts json[];
    stopped json[] := '{}';
    refused text;
    reason text;
begin
    select renewed_at < clock_timestamp() - interval '300 milliseconds' into is_old
    from turnout.lease where direction = 'outgoing' and lease.token = take.token;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;

    -- One look says which: all entries of a transaction are among them, or none unless there are more.
    select array_agg(ctid), array_agg(distinct repository) into places, numbers
    from (select ctid, repository from turnout.dirty where ctid > after and repository <> all(resting) limit batch) as entry;
    looked_at := coalesce(cardinality(places), 0);
    place := places[looked_at];
    -- A row that was given another subject has several entries, one after the other: only together do they say that it was handed over.
    if looked_at = batch then
        places := places || array(
            select next.ctid
            from (select ctid, repository, key, xid from turnout.dirty where ctid > place limit 16) as next
            join turnout.dirty as last on last.ctid = place and last.repository = next.repository and last.key = next.key and last.xid = next.xid
        );
        looked_at := cardinality(places);
    end if;
    if exists (select from turnout.noted) then
        received := turnout.over(places);
        places := array(select unnest(places) except select unnest(received));
    end if;
    -- Mostly none is held, and half of a reader is about those.
    holding := exists (select from turnout.held);
    if holding then
        due := array(
            select distinct repository from turnout.held as waiting
            where waiting.parked_at is null and waiting.due <= clock_timestamp() and repository <> all(resting)
        );
        numbers := array(select distinct unnest(numbers || due) as number order by number);
    end if;

    file := pg_relation_filenode('turnout.dirty'::regclass);
    foreach number in array coalesce(numbers, '{}') loop
        -- A table that is locked, or can't be read, holds up no other.
        begin
            part := turnout.taken(number, places, holding, holding and number = any(due), batch);
            if part is null then
                perform turnout.write_reader(number);
                part := turnout.taken(number, places, holding, holding and number = any(due), batch);
            end if;
            if part is not null then
                parts := parts || part;
            end if;
        exception when others then
            get stacked diagnostics refused = returned_sqlstate, reason = message_text;
            stopped := stopped || json_build_object(
                'repository', number, 'sqlstate', refused,
                -- Others may hold values.
                'reason', case when left(refused, 2) = '42' then reason else 'SQLSTATE ' || refused end
            );
        end;
    end loop;
    -- What was read may be lost by a crash here until it has reached the disk, and must not be applied there before. A commit that wrote
    -- something waits for all that was written earlier.
    if is_old or pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() then
        perform turnout.outlive_a_crash();
        update turnout.lease set renewed_at = clock_timestamp()
        where direction = 'outgoing' and lease.token = take.token;
    end if;
    return case when looked_at > 0 or parts is not null then
        json_build_object(
            'place', place, 'file', file, 'seen', seen::text, 'looked_at', looked_at, 'received', received,
            'parts', coalesce(parts, '{}'), 'stopped', stopped
        )
    end;
end $$;

-- Ends work on dirty keys: `entries` are done with, by their places in the file that they were taken from. `failed` goes to
-- the held ones (repository, key, subjects, xids, epoch, behind, sqlstate, reason, and due_ms, null to park), `settled` (repository,
-- key) is held no longer, `diverged` (repository, key, epoch, reason) is shown, `receipts` are those that the other side has, `noted`
-- if there may be many dirty keys besides. What `may_be_lost` is, until `persist`, by a crash of this server: then the entries are
-- taken again. `tick` is the number of the last batch that was applied, `before` what this side has kept as that until now.
create or replace function turnout.ack(
    token bigint, filenode oid, entries tid[], failed json, settled json, diverged json, may_be_lost boolean,
    receipts json, noted boolean, tick bigint, before bigint
) returns void
-- What is looked for by its place needs no look at all of the table, however large it is; nor a plan of its own.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
begin
    if may_be_lost then
        perform set_config('synchronous_commit', 'off', true);
    else
        perform turnout.outlive_a_crash();
    end if;
    update turnout.lease set tick = ack.tick
    where direction = 'outgoing' and lease.token = ack.token and lease.tick = ack.before;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
    lock table turnout.dirty in row exclusive mode;
    if pg_relation_filenode('turnout.dirty'::regclass) <> ack.filenode then
        raise exception using errcode = 'TN003', message = 'turnout: the table of dirty keys was rewritten; take them again';
    end if;
    if failed is not null then
        insert into turnout.held as held
            (repository, key, subjects, xids, epoch, behind, attempts, since, due, sqlstate, reason, parked_at)
        select repository, key, array(select distinct unnest(subjects)), xids[1:16], epoch, behind, 1,
            -- As old as the change: a read that waits for the changes before it must not take it for a later one.
            coalesce((
                select min(dirty.at) from turnout.dirty
                where dirty.ctid = any (ack.entries) and dirty.repository = failure.repository and dirty.key = failure.key
            ), clock_timestamp()),
            clock_timestamp() + coalesce(due_ms, 0) * interval '1 millisecond', sqlstate, reason,
            case when due_ms is null then clock_timestamp() end
        from json_to_recordset(failed) as failure (
            repository smallint, key text, subjects text[], xids bigint[], epoch bigint, behind boolean, sqlstate text,
            reason text, due_ms bigint
        )
        on conflict (repository, key) do update
        set attempts = held.attempts + 1, due = excluded.due, sqlstate = excluded.sqlstate, reason = excluded.reason,
            parked_at = excluded.parked_at, epoch = excluded.epoch, behind = excluded.behind,
            subjects = excluded.subjects, xids = excluded.xids;
    end if;
    if settled is not null then
        delete from turnout.held
        using json_to_recordset(settled) as gone (repository smallint, key text)
        where held.repository = gone.repository and held.key = gone.key;
    end if;
    if exists (select from turnout.divergence) then
        perform turnout.end_divergences(
            'mirrored', array_agg(divergence.repository), array_agg(divergence.key)
        )
        from turnout.dirty
        -- A plan that was made while there was no divergence must not go through all of them now: the offset keeps the order of this join.
        cross join lateral (
            select repository, key from turnout.divergence as known
            where known.repository = dirty.repository and known.key = dirty.key
            offset 0
        ) as divergence
        where dirty.ctid = any(entries)
            -- What was received before may have diverged since.
            and not exists (
                select from turnout.noted
                where noted.repository = dirty.repository and noted.key = dirty.key
                    and pg_visible_in_snapshot(dirty.xid, noted.seen)
            );
    end if;
    if diverged is not null then
        insert into turnout.divergence (repository, key, epoch, reason)
        select repository, key, epoch, reason
        from json_to_recordset(diverged) as shown (repository smallint, key text, epoch bigint, reason text)
        on conflict (repository, key) do update set epoch = excluded.epoch, reason = excluded.reason, at = clock_timestamp();
    end if;
    delete from turnout.dirty where ctid = any(entries);
    if receipts is not null then
        perform turnout.received(receipts, noted);
    end if;
end $$;

-- Makes all that was committed before outlive a crash. A commit reaches the disk only if it wrote something.
create or replace function turnout.persist() returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select turnout.outlive_a_crash();
    update turnout.lease set renewed_at = renewed_at where direction = 'outgoing';
$$;

-- What is left of epochs before this one: a handoff to it must wait for these. At most a thousand groups are told. As somebody
-- waits, what rests after a failure is tried again soon.
create or replace function turnout.leftovers(epoch bigint)
returns table (repository smallint, subject text, keys bigint, parked boolean)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.held set due = clock_timestamp() + interval '100 milliseconds'
    where parked_at is null and held.epoch < leftovers.epoch and due > clock_timestamp() + interval '100 milliseconds';
    select repository, subject, count(*), bool_or(parked)
    from (
        select repository, subject, epoch, false as parked from turnout.dirty where dirty.epoch < leftovers.epoch
        union all
        select repository, unnest(subjects), epoch, parked_at is not null from turnout.held where held.epoch < leftovers.epoch
    ) as entry
    group by repository, subject
    limit 1000
$$;

-- How the keys stand that a transaction made dirty here: `done`, `pending`, or `parked` if at least one is.
create or replace function turnout.mirror_state(writer bigint) returns text
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select case
        when bool_or(parked) then 'parked'
        when exists (select from turnout.dirty where xid = writer::text::xid8) or count(*) > 0 then 'pending'
        else 'done'
    end
    from (select parked_at is not null as parked from turnout.held where writer = any(xids)) as kept
$$;

-- How the mirroring of this side stands, by repository.
create or replace function turnout.standing()
returns table (
    schema_name text, table_name text, dirty bigint, oldest_seconds double precision, held bigint, parked bigint,
    diverged bigint, verify boolean
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.schema_name, served.table_name,
        coalesce(waiting.entries, 0) + coalesce(kept.held, 0),
        extract(epoch from clock_timestamp() - least(waiting.oldest, kept.oldest))::double precision,
        coalesce(kept.held, 0), coalesce(kept.parked, 0),
        (select count(*) from turnout.divergence where divergence.repository = served.number),
        served.number in (select number from turnout.gaps())
    from turnout.repository as served
    left join (
        select repository, count(*) as entries, min(at) as oldest from turnout.dirty group by repository
    ) as waiting on waiting.repository = served.number
    left join (
        select repository, count(*) filter (where parked_at is null) as held, count(parked_at) as parked,
            min(since) filter (where parked_at is null) as oldest
        from turnout.held group by repository
    ) as kept on kept.repository = served.number
$$;

-- The keys that wait in vain, with the reason.
create or replace function turnout.parked()
returns table (schema_name text, table_name text, key text, attempts integer, sqlstate text, reason text, parked_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.schema_name, served.table_name, held.key, held.attempts, held.sqlstate, held.reason, held.parked_at
    from turnout.held join turnout.repository as served on served.number = held.repository
    where held.parked_at is not null
    order by held.parked_at
    limit 1000
$$;

-- Tries parked keys again, all or those of one table, `schema.table`. Returns how many.
create or replace function turnout.retry_parked(only_table text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with freed as (
        update turnout.held set parked_at = null, due = clock_timestamp(), attempts = 0
        from turnout.repository as served
        where served.number = held.repository and held.parked_at is not null
            and (only_table is null or concat(served.schema_name, '.', served.table_name) = only_table)
        returning 1
    )
    select count(*) from freed
$$;

-- Gives parked keys up, all or those of one table, `schema.table`: their rows stay different until they change again. Returns how many.
create or replace function turnout.drop_parked(only_table text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with dropped as (
        delete from turnout.held
        using turnout.repository as served
        where served.number = held.repository and held.parked_at is not null
            and (only_table is null or concat(served.schema_name, '.', served.table_name) = only_table)
        returning held.repository, held.key, held.epoch, held.reason
    ), shown as (
        insert into turnout.divergence (repository, key, epoch, reason)
        select repository, key, epoch, 'parked and given up: ' || reason from dropped
        on conflict (repository, key) do update set epoch = excluded.epoch, reason = excluded.reason, at = clock_timestamp()
        returning 1
    )
    select count(*) from shown
$$;

-- Notes that nobody looks for dirty keys from now on: the next writer sets this back.
create or replace function turnout.sleep() returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select setval('turnout.asleep', 1) $$;

-- Whether somebody wrote since.
create or replace function turnout.is_called() returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select pg_sequence_last_value('turnout.asleep'::regclass) = 0 $$;
