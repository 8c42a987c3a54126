-- Dirty ranges: entries that say of all rows of a table that they may differ from the other side. An applier works a range off in chunks,
-- beside the entries of single keys. A chunk is copied if the other side has none of its rows; else its rows are compared, and those that
-- differ get entries of their own.

create table if not exists turnout.dirty_range (
    repository smallint primary key,
    -- The epoch that it is copied under: after a fence above that, no chunk is copied.
    epoch bigint not null,
    at timestamptz not null default clock_timestamp(),
    -- The columns of the key, in the order that the range goes by.
    key_columns text[] not null,
    -- The rows up to this key are done with; null before the first chunk.
    low json,
    -- How many rows of this side are done with, and how many of them were copied.
    rows bigint not null default 0,
    copied bigint not null default 0,
    -- In what share of the time it may be worked off, in percent.
    load smallint not null check (load between 1 and 100),
    -- What both sides looked like before it began, as the host wrote it.
    before json not null,
    done_at timestamptz
);

-- Makes all rows of a table a dirty range, from its first row on, under an epoch that must still be let in here.
create or replace function turnout.begin_range(
    in_schema text, in_table text, key_columns text[], epoch bigint, load smallint, before json
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    perform turnout.enter(begin_range.epoch);
    insert into turnout.dirty_range as range (repository, epoch, key_columns, load, before)
    select number, begin_range.epoch, begin_range.key_columns, begin_range.load, begin_range.before
    from turnout.repository where schema_name = in_schema and table_name = in_table
    on conflict (repository) do update
    set epoch = excluded.epoch, at = excluded.at, key_columns = excluded.key_columns, low = null, rows = 0, copied = 0,
        load = excluded.load, before = excluded.before, done_at = null
    -- Another host may have begun it: what it looked like then counts.
    where range.epoch < excluded.epoch or range.done_at is not null;
    -- The applier may be at rest.
    perform setval('turnout.asleep', 0);
end $$;

-- The dirty ranges, also those that are done with and that no host has heard of yet. Nothing is copied any more of those of epochs that are
-- over.
create or replace function turnout.ranges()
returns table (
    number smallint, schema_name text, table_name text, epoch bigint, key_columns text[], low json, rows bigint, copied bigint,
    load smallint, before json, seconds double precision, is_done boolean
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select range.repository, served.schema_name, served.table_name, range.epoch, range.key_columns, range.low, range.rows, range.copied,
        range.load, range.before,
        extract(epoch from coalesce(range.done_at, clock_timestamp()) - range.at)::double precision, range.done_at is not null
    from turnout.dirty_range as range join turnout.repository as served on served.number = range.repository
    where range.epoch >= turnout.lowest_epoch()
    order by range.repository
$$;

-- In what share of the time, in percent, ranges may be worked off from now on.
create or replace function turnout.pace_ranges(load smallint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ update turnout.dirty_range set load = pace_ranges.load where done_at is null $$;

-- Forgets a range that is done with.
create or replace function turnout.forget_range(in_schema text, in_table text, epoch bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    delete from turnout.dirty_range as range
    using turnout.repository as served
    where served.number = range.repository and schema_name = in_schema and table_name = in_table
        and range.epoch = forget_range.epoch and done_at is not null
$$;

-- Whether a table and its partitions can be locked at once in a mode that only a lock of a whole table keeps others from.
create or replace function turnout.is_free(in_schema text, in_table text, mode text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    part regclass;
begin
    for part in select relid from pg_partition_tree(target) union select target loop
        execute format('lock table only %s in %s mode nowait', part, mode);
    end loop;
    return true;
exception when lock_not_available then
    return false;
end $$;

-- How rows of a table can be copied: its columns but for generated ones, each with what it holds, and why none can be copied here as they
-- are; null if they can.
create or replace function turnout.copy_shape(in_schema text, in_table text, out columns json, out obstacle text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    silent boolean := current_setting('session_replication_role') = 'replica' or turnout.silence();
begin
    select json_agg(json_build_object(
        'name', attname,
        'type', concat_ws(
            ' ', format_type(atttypid, atttypmod), case when typtype = 'd' then format_type(typbasetype, typtypmod) end, nullif(attgenerated, ''), case when attgenerated <> '' then pg_get_expr(adbin, adrelid) end
        ),
        'is_generated', attgenerated <> ''
    ) order by attname) into columns
    from pg_attribute join pg_type on pg_type.oid = atttypid left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = target and attnum > 0 and not attisdropped;
    obstacle := case
        -- PostgreSQL checks these by triggers, which may be silent.
        when exists (select from pg_constraint where conrelid = target and condeferrable and contype in ('p', 'u', 'x'))
        then 'a constraint is deferrable'
        when exists (
            select from (select relid from pg_partition_tree(target) union select target) as part
            join pg_trigger on tgrelid = part.relid
            where not tgisinternal and tgname not like 'turnout\_captured\_%' and (tgenabled in ('A', 'R') or tgenabled = 'O' and not silent)
        )
        then 'a trigger would fire'
    end;
end $$;

-- The query for the rows of a chunk: the text of the subject column, the key, and these columns.
create or replace function turnout.copy_query(
    in_schema text, in_table text, columns text[], key_columns text[], low json, high json
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    return format(
        'select %s, %s, %s from %s as changed where %s',
        case when served.subject is null then 'null::text' else format('changed.%I::text', served.subject) end,
        turnout.key_expression(target, served.key),
        (select string_agg(format('changed.%I', name), ', ' order by place) from unnest(columns) with ordinality as c (name, place)),
        target, turnout.between_keys(target, key_columns, low, high)
    );
end $$;

-- Begins to copy a chunk to this side, in a transaction whose writes are the mirror's.
create or replace function turnout.begin_copy(epoch bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    perform turnout.enter(begin_copy.epoch);
    perform set_config('turnout.epoch', 'mirror', true);
    -- Entries of other tables wait meanwhile.
    perform set_config('lock_timeout', '50ms', true);
    perform turnout.silence();
end $$;

-- Ends the copy of a chunk: what PostgreSQL did not check as triggers are silent is checked, and then the token. The copy counts as a
-- batch of this number.
create or replace function turnout.end_copy(
    token bigint, in_schema text, in_table text, key_columns text[], low json, high json, tick bigint, shown bigint
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    reference record;
    is_broken boolean;
begin
    for reference in select * from turnout.foreign_keys(target) where child = target loop
        continue when current_setting('session_replication_role') <> 'replica';
        execute format(
            'select exists (
                select from %s as changed where %s and %s and not exists (select from %s as parent where %s%s)
            )',
            target, turnout.between_keys(target, key_columns, low, high),
            (select string_agg(format('changed.%I is not null', name), ' and ') from unnest(reference.child_columns) as name),
            -- A parent is locked as PostgreSQL's own check locks it.
            reference.parent, turnout.same('changed', reference.child_columns, 'parent', reference.parent_columns),
            case when has_table_privilege(reference.parent, 'UPDATE') then ' for key share' end
        ) into is_broken;
        if is_broken then
            raise exception using errcode = '23503', constraint = reference.name, message = 'turnout: a row refers to one that is not here';
        end if;
    end loop;
    update turnout.lease set tick = end_copy.tick, shown = greatest(lease.shown, end_copy.shown)
    where direction = 'incoming' and lease.token = end_copy.token and lease.tick = end_copy.tick - 1;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
end $$;

-- Moves the bound of a range up to `high`, or ends the range if that is null; `rows` and `copied` are those of the chunk. `tick` is the number of
-- the last batch that was applied, `before` what this side has kept as that.
create or replace function turnout.end_chunk(
    token bigint, in_schema text, in_table text, epoch bigint, low json, high json, rows bigint, copied bigint, tick bigint, before bigint
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    update turnout.lease set tick = end_chunk.tick
    where direction = 'outgoing' and lease.token = end_chunk.token and lease.tick = end_chunk.before;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
    -- Another host may have begun the range anew under another epoch.
    update turnout.dirty_range as moved
    set low = end_chunk.high, rows = moved.rows + end_chunk.rows, copied = moved.copied + end_chunk.copied,
        done_at = case when end_chunk.high is null then clock_timestamp() end
    from turnout.repository as served
    where served.schema_name = in_schema and served.table_name = in_table and moved.repository = served.number
        and moved.epoch = end_chunk.epoch and done_at is null and moved.low::text is not distinct from end_chunk.low::text;
end $$;
