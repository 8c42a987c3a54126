-- Rows that are known to differ between the sides, and what was proved about the rest.

-- Ends divergences of this side, and keeps them for a week with what ended them. Returns how many.
create or replace function turnout.end_divergences(ended_by text, repositories smallint[], keys text[]) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with old as (
        delete from turnout.past_divergence where ended_at < clock_timestamp() - interval '7 days'
    ), ended as (
        delete from turnout.divergence
        using (select distinct repository, key from unnest(repositories, keys) as given (repository, key)) as given
        where divergence.repository = given.repository and divergence.key = given.key
        returning divergence.*
    ), kept as (
        insert into turnout.past_divergence (repository, key, epoch, since, found_by, columns, reason, ended_by)
        select repository, key, epoch, since, found_by, columns, reason, end_divergences.ended_by from ended
        returning 1
    )
    select count(*) from kept
$$;

-- Notes divergences of a table: `found` is an array of objects with `key`, `columns` and `reason`. Returns for each key how often it was to be
-- repaired, and how many seconds ago it was first found.
drop function if exists turnout.note_divergences(text, text, bigint, text, json);
create function turnout.note_divergences(in_schema text, in_table text, epoch bigint, found_by text, found json)
returns table (key text, repairs integer, seconds double precision)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    insert into turnout.divergence as known (repository, key, epoch, reason, found_by, columns)
    select served.number, given.key, note_divergences.epoch, given.reason, note_divergences.found_by, given.columns
    from json_to_recordset(found) as given (key text, reason text, columns text[]), turnout.repository as served
    where served.schema_name = in_schema and served.table_name = in_table
    on conflict (repository, key) do update
    set epoch = excluded.epoch, at = clock_timestamp(), reason = excluded.reason, columns = excluded.columns
    returning known.key, known.repairs, extract(epoch from clock_timestamp() - known.since)::double precision
$$;

-- The divergences of this side by table and key, those after a place.
create or replace function turnout.divergences(after_schema text, after_table text, after_key text, at_most integer)
returns table (
    schema_name text, table_name text, key text, epoch bigint, since timestamptz, at timestamptz, found_by text, columns text[],
    reason text, repairs integer
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.schema_name, served.table_name, known.key, known.epoch, known.since, known.at, known.found_by, known.columns, known.reason,
        known.repairs
    from turnout.divergence as known join turnout.repository as served on served.number = known.repository
    where (served.schema_name, served.table_name, known.key) > (after_schema, after_table, after_key)
    order by served.schema_name, served.table_name, known.key
    limit at_most
$$;

-- Ends divergences of one table on this side. Returns how many.
create or replace function turnout.end_divergences_of(in_schema text, in_table text, ended_by text, keys text[]) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select turnout.end_divergences(
        end_divergences_of.ended_by,
        array(select served.number from unnest(keys)), keys
    )
    from turnout.repository as served where served.schema_name = in_schema and served.table_name = in_table
$$;

-- Those of these keys whose rows were changed behind Turnout's back on this side, where the divergence is open.
create or replace function turnout.direct_divergences(in_schema text, in_table text, keys text[]) returns setof text
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select known.key
    from turnout.divergence as known join turnout.repository as served on served.number = known.repository
    where served.schema_name = in_schema and served.table_name = in_table and known.found_by = 'direct' and known.key = any(keys)
$$;

-- Notes that divergences of one table are to be repaired now.
create or replace function turnout.note_repairs(in_schema text, in_table text, keys text[]) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with noted as (
        update turnout.divergence set repairs = repairs + 1
        from turnout.repository as served
        where served.schema_name = in_schema and served.table_name = in_table
            and divergence.repository = served.number and divergence.key = any(keys)
        returning 1
    )
    select count(*) from noted
$$;

-- What is known of one key on this side, oldest first: `what` is pending, held, parked, diverged or ended.
create or replace function turnout.key_history(in_schema text, in_table text, in_key text)
returns table (at timestamptz, what text, epoch bigint, detail text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select entry.at, entry.what, entry.epoch, entry.detail
    from turnout.repository as served
    cross join lateral (
        select at, 'pending' as what, epoch,
            case when behind then 'changed directly on the database' else 'changed through Turnout' end as detail
        from turnout.dirty where repository = served.number and key = in_key
        union all
        select since, 'held', epoch, 'tried ' || attempts || ' times, SQLSTATE ' || sqlstate || ': ' || reason
        from turnout.held where repository = served.number and key = in_key and parked_at is null
        union all
        select parked_at, 'parked', epoch, 'tried ' || attempts || ' times, SQLSTATE ' || sqlstate || ': ' || reason
        from turnout.held where repository = served.number and key = in_key and parked_at is not null
        union all
        select since, 'diverged', epoch, found_by || ': ' || reason
        from turnout.divergence where repository = served.number and key = in_key
        union all
        select since, 'diverged', epoch, found_by || ': ' || reason
        from turnout.past_divergence where repository = served.number and key = in_key
        union all
        select ended_at, 'ended', epoch, ended_by
        from turnout.past_divergence where repository = served.number and key = in_key
    ) as entry
    where served.schema_name = in_schema and served.table_name = in_table
    order by entry.at
$$;

-- Keeps what was proved. Returns the number of the entry.
create or replace function turnout.add_evidence(
    kind text, host text, version text, epoch bigint, repositories text[], result json
) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $$
declare
    last record;
    number bigint;
    at timestamptz := clock_timestamp();
begin
    lock table turnout.evidence in share row exclusive mode;
    select evidence.number, evidence.digest into last from turnout.evidence order by evidence.number desc limit 1;
    number := coalesce(last.number, 0) + 1;
    insert into turnout.evidence (number, at, kind, host, version, epoch, repositories, result, before, digest)
    values (
        number, at, kind, host, version, epoch, repositories, result, coalesce(last.digest, ''),
        encode(sha256(convert_to(
            row(number, at, kind, host, version, epoch, repositories, result::text, coalesce(last.digest, ''))::text, 'UTF8'
        )), 'hex')
    );
    return number;
end $$;

-- Keeps what a command has done so far; null forgets it.
create or replace function turnout.keep_unfinished(in_command text, in_state json) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    delete from turnout.unfinished where command = in_command and in_state is null;
    insert into turnout.unfinished (command, state)
    select in_command, in_state where in_state is not null
    on conflict (command) do update set state = excluded.state, at = clock_timestamp();
$$;

-- What a command had done when it was interrupted, unless that is older than a day.
create or replace function turnout.resumed(in_command text) returns json
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select state from turnout.unfinished where command = in_command and at > clock_timestamp() - interval '1 day'
$$;

-- A key as capture writes it, of a JSON object with its values.
create or replace function turnout.key_text(in_schema text, in_table text, given json) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    found text;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    execute format(
        'select %s from json_to_record($1) as changed (%s)',
        turnout.key_expression(target, served.key),
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(served.key))
    ) into strict found using given;
    return found;
end $$;

-- Adds what a host compared within the last ten seconds: an array of objects with the table, the source and the counts.
create or replace function turnout.add_comparisons(counts json) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    delete from turnout.comparison where at < clock_timestamp() - interval '1 hour';
    insert into turnout.comparison as known (at, repository, source, equal, unsettled, diverged, dropped, failed)
    select to_timestamp(floor(extract(epoch from clock_timestamp()) / 10) * 10), served.number, given.source, given.equal, given.unsettled,
        given.diverged, given.dropped, given.failed
    from json_to_recordset(counts) as given (
        schema_name text, table_name text, source text, equal bigint, unsettled bigint, diverged bigint, dropped bigint, failed bigint
    )
    join turnout.repository as served using (schema_name, table_name)
    order by served.number, given.source
    on conflict (at, repository, source) do update
    set equal = known.equal + excluded.equal, unsettled = known.unsettled + excluded.unsettled,
        diverged = known.diverged + excluded.diverged, dropped = known.dropped + excluded.dropped, failed = known.failed + excluded.failed;
$$;

-- What all hosts compared within the last so many seconds, by table and source.
create or replace function turnout.comparisons(seconds integer)
returns table (
    schema_name text, table_name text, source text, equal bigint, unsettled bigint, diverged bigint, dropped bigint, failed bigint
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.schema_name, served.table_name, known.source, sum(known.equal)::bigint, sum(known.unsettled)::bigint,
        sum(known.diverged)::bigint, sum(known.dropped)::bigint, sum(known.failed)::bigint
    from turnout.comparison as known join turnout.repository as served on served.number = known.repository
    where known.at > clock_timestamp() - seconds * interval '1 second'
    group by served.schema_name, served.table_name, known.source
$$;

-- How many seconds ago an alert of this kind was raised; null if none was within a day.
create or replace function turnout.raised_ago(in_kind text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select greatest(0, floor(extract(epoch from clock_timestamp() - at)))::bigint from turnout.raised
    where kind = in_kind and at > clock_timestamp() - interval '1 day'
$$;

-- Whether an alert of this kind is to be raised: none was within the last so many seconds. Notes that it is raised now.
create or replace function turnout.raise_alert(in_kind text, seconds integer) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    delete from turnout.raised where at < clock_timestamp() - interval '1 day' and kind <> in_kind;
    with noted as (
        insert into turnout.raised as known (kind, at) values (in_kind, clock_timestamp())
        on conflict (kind) do update set at = excluded.at
        where known.at <= clock_timestamp() - seconds * interval '1 second'
        returning 1
    )
    select exists (select from noted)
$$;

-- How many divergences are open on this side.
create or replace function turnout.open_divergences() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select count(*) from turnout.divergence $$;
