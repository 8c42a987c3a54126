-- The record of the epochs.

-- What had other parameters in an earlier version.
drop function if exists turnout.record_epoch(bigint, json, text, text[], json);

-- Writes an epoch down, once: false if there is another of that number. Old epochs, and modules that no epoch names any
-- more, go.
create or replace function turnout.record_epoch(epoch bigint, set json, forced text, converged text[], modules bytea[])
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    insert into turnout.module (digest, bytes)
    select encode(sha256(bytes), 'hex'), bytes from unnest(modules) as bytes
    on conflict do nothing;
    insert into turnout.epoch (epoch, set, forced, converged)
    values (record_epoch.epoch, record_epoch.set, record_epoch.forced, coalesce(record_epoch.converged, '{}'))
    on conflict do nothing;
    if not found then
        return exists (
            select from turnout.epoch as present
            where present.epoch = record_epoch.epoch and present.set::text = record_epoch.set::text
                and present.forced is not distinct from record_epoch.forced
        );
    end if;
    delete from turnout.epoch as past
    where past.epoch < (
        select min(kept.epoch) from (
            select recent.epoch from turnout.epoch as recent where recent.released_at is not null
            order by recent.epoch desc limit 50
        ) as kept
    );
    delete from turnout.module where not exists (
        select from turnout.epoch as named where position(module.digest in named.set::text) > 0
    );
    perform pg_notify('turnout_epoch', record_epoch.epoch::text);
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

-- Notes that an epoch is released: no write of an older one can commit any more, and none is left to be mirrored.
create or replace function turnout.release_epoch(epoch bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select turnout.outlive_a_crash();
    update turnout.epoch set released_at = clock_timestamp()
    where epoch.epoch = release_epoch.epoch and released_at is null;
    select pg_notify('turnout_epoch', release_epoch.epoch::text);
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
