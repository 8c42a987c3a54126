-- The record of the epochs.

-- What had other parameters, or another result, in an earlier version.
drop function if exists turnout.record_epoch(bigint, json, text, text[], json),
    turnout.record_epoch(bigint, json, text, text[], bytea[]);
do $$
begin
    if exists (
        select from pg_proc
        where oid = to_regprocedure('turnout.release_epoch(bigint)') and prorettype <> 'boolean'::regtype
    ) then
        drop function turnout.release_epoch(bigint);
    end if;
end $$;

-- The modules that a set names, by their SHA-256.
create or replace function turnout.modules_of(set json) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select array_agg(distinct named)
    from json_each(set) as world, unnest(array[world.value #>> '{module}', world.value #>> '{trial,module}']) as named
    where named is not null
$$;

-- What tells a set from others: its modules and settings, whoever brought it.
create or replace function turnout.content_of(set json) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select encode(sha256(convert_to(json_agg(json_build_array(
        world.key, world.value #>> '{module}', world.value #>> '{settings}', world.value #>> '{trial}'
    ) order by world.key)::text, 'UTF8')), 'hex')
    from json_each(set) as world
$$;

-- What the retention reads of an epoch, so that it need not read every set. Added once: it locks the table.
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'turnout.epoch'::regclass and attname = 'content' and not attisdropped
    ) then
        alter table turnout.epoch add column content text, add column modules text[];
    end if;
    -- An earlier version told sets apart in another way.
    update turnout.epoch set content = turnout.content_of(set), modules = turnout.modules_of(set)
    where content is distinct from turnout.content_of(set);
end $$;

-- Removes old epochs, and modules that no epoch names any more. What stays: the last 50 epochs that were released and all after
-- them, as hosts follow them; and of each set that was released its last epoch, for the newest `sets` distinct sets as far as
-- their settings and modules take `bytes` bytes. Epochs that repeat a set (abandonments, trials) push no other set out.
create or replace function turnout.forget_epochs(sets integer, bytes bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with last as (
        select content, max(epoch) as epoch from turnout.epoch where released_at is not null group by content
    ), named as (
        select unnest(epoch.modules) as digest, max(epoch.epoch) as epoch
        from turnout.epoch join last using (epoch) group by 1
    ), weighed as (
        select epoch.epoch,
            row_number() over newest_first as place,
            sum(pg_column_size(epoch.set) + coalesce((
                select sum(octet_length(module.bytes)) from named join turnout.module using (digest)
                where named.epoch = epoch.epoch
            ), 0)) over newest_first as total
        from turnout.epoch join last using (epoch)
        window newest_first as (order by epoch.epoch desc)
    )
    delete from turnout.epoch as past
    where past.epoch < (
        select min(recent.epoch) from (
            select epoch from turnout.epoch where released_at is not null order by epoch desc limit 50
        ) as recent
    ) and not exists (
        select from weighed
        where weighed.epoch = past.epoch and weighed.place <= forget_epochs.sets and weighed.total <= forget_epochs.bytes
    );
    delete from turnout.module where digest not in (select unnest(modules) from turnout.epoch);
$$;

-- Writes an epoch down, once: false if there is another of that number. An abandonment of the epoch before is released as it
-- is written down; false if that one is released already, or not recorded here. What is not kept any longer goes.
create or replace function turnout.record_epoch(
    epoch bigint, set json, forced text, converged text[], modules bytea[], abandons boolean, kept_sets integer, kept_bytes bigint
)
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    if abandons then
        -- A real update, so that a release of that epoch at the same time waits, at any isolation level.
        update turnout.epoch as failed set released_at = null
        where failed.epoch = record_epoch.epoch - 1 and failed.released_at is null;
        if not found then
            return false;
        end if;
    end if;
    insert into turnout.module (digest, bytes)
    select encode(sha256(bytes), 'hex'), bytes from unnest(modules) as bytes
    on conflict do nothing;
    insert into turnout.epoch (epoch, set, forced, converged, released_at, content, modules)
    values (
        record_epoch.epoch, record_epoch.set, record_epoch.forced, coalesce(record_epoch.converged, '{}'),
        case when abandons then clock_timestamp() end,
        turnout.content_of(record_epoch.set), turnout.modules_of(record_epoch.set)
    )
    on conflict do nothing;
    if not found then
        return exists (
            select from turnout.epoch as present
            where present.epoch = record_epoch.epoch and present.set::text = record_epoch.set::text
                and present.forced is not distinct from record_epoch.forced
                and (present.released_at is not null or not abandons)
        );
    end if;
    perform turnout.forget_epochs(record_epoch.kept_sets, record_epoch.kept_bytes);
    return true;
end $$;

-- The epochs from this one on, without their modules.
create or replace function turnout.epochs(since bigint)
returns table (epoch bigint, set text, forced text, released boolean, age_seconds double precision, converged text[])
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select epoch, set::text, forced, released_at is not null,
        extract(epoch from clock_timestamp() - made_at)::double precision, converged
    from turnout.epoch where epoch.epoch >= since order by epoch
$$;

-- The newest epoch that was released here, and the newest of all; null while there is none.
create or replace function turnout.newest_epochs() returns table (released bigint, newest bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select max(epoch) filter (where released_at is not null), max(epoch) from turnout.epoch $$;

-- The bytes of a module.
create or replace function turnout.module_bytes(digest text) returns bytea
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select bytes from turnout.module where module.digest = module_bytes.digest $$;

-- Releases an epoch: no write of an older one can commit any more, and none is left to be mirrored. False if a newer epoch was
-- recorded first, which abandons this one. Only `old` decides that.
create or replace function turnout.release_epoch(epoch bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    -- An abandonment at the same time has ended when the next statement looks for it.
    perform from turnout.epoch as present where present.epoch = release_epoch.epoch for update;
    update turnout.epoch as present set released_at = clock_timestamp()
    where present.epoch = release_epoch.epoch and present.released_at is null
        and not exists (select from turnout.epoch as newer where newer.epoch > release_epoch.epoch);
    return exists (
        select from turnout.epoch as present where present.epoch = release_epoch.epoch and present.released_at is not null
    );
end $$;

-- Notes that an epoch is released, as the other side has decided.
create or replace function turnout.note_released(epoch bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select turnout.outlive_a_crash();
    update turnout.epoch set released_at = clock_timestamp()
    where epoch.epoch = note_released.epoch and released_at is null;
$$;

-- Notes that both sides of repositories have been compared under an epoch.
create or replace function turnout.note_converged(epoch bigint, names text[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.epoch set converged = (
        select array_agg(distinct name) from unnest(converged || names) as name
    )
    where epoch.epoch = note_converged.epoch
$$;
