-- Reading and putting rows. The functions of a table are written for its columns, as capture is: the database plans a query
-- that it knows once, and one that is put together at each batch each time, which takes longer than to carry it out. They are
-- written anew as soon as the columns are others.

-- What had other parameters or answers in an earlier version.
drop function if exists turnout.put_shape(regclass, json), turnout.fresh_rows(regclass, text[], json),
    turnout.write_putter(smallint, regclass, text[], json), turnout.put(smallint, json);
do $$
declare
    earlier regprocedure;
begin
    for earlier in
        select oid from pg_proc
        where pronamespace = 'turnout'::regnamespace
            and (proname ~ '^taken?(_\d+)?$' and prorettype <> 'json'::regtype
                or proname ~ '^put_\d+$' and prorettype <> 'boolean'::regtype)
    loop
        execute 'drop function ' || earlier;
    end loop;
end $$;

-- What the columns of a table are, to see whether they have changed. Volatile, so that it sees what was committed while whoever
-- asks waited for a lock.
create or replace function turnout.shape(target regclass) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select string_agg(concat_ws(' ', attname, atttypid, atttypmod, attgenerated, attidentity), ',' order by attnum)
        from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
    );
end $$;

-- Whether the columns of a table are these, for whoever holds a lock on it. Called with constants this costs nothing: PostgreSQL
-- evaluates what is said to be immutable when it makes a plan, and makes that anew once the table has changed.
create or replace function turnout.has_shape(target regclass, expected text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$ begin return turnout.shape(target) = expected; end $$;

-- Writes the function that gives an applier the dirty keys of a table, with the rows as they are: an object with `repository`,
-- `seen`, the snapshot that the rows were read in, and `keys`. It returns null if the columns of the table are others by now.
create or replace function turnout.write_reader(of_table smallint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    served turnout.repository := (select r from turnout.repository as r where number = of_table);
    target regclass := format('%I.%I', served.schema_name, served.table_name)::regclass;
    -- Before the columns are looked at: should they change meanwhile, this says so.
    shape text := turnout.shape(target);
    entries text := format($entries$
            select key, array_agg(distinct subject) as subjects, array_agg(ctid::text) as entries,
                array_agg(distinct xid::text::bigint) as xids, min(epoch) as epoch, bool_or(not behind) as own, min(at) as since
            from turnout.dirty where ctid = any(places) and repository = %s
            group by key
        $entries$, of_table);
    read text := format(
        $read$select json_build_object(
            'repository', %1$s, 'seen', pg_current_snapshot()::text, 'keys', coalesce(json_agg(json_build_object(
                'key', dirty.key::json, 'subjects', %2$s,
                'row', case when found.%3$I is not null then (select row_to_json(shown) from (select %4$s) as shown) end,
                'entries', dirty.entries, 'xids', dirty.xids, 'epoch', dirty.epoch, 'own', dirty.own, 'held', dirty.held,
                'attempts', dirty.attempts,
                'age_ms', (extract(epoch from clock_timestamp() - dirty.since) * 1000)::bigint
            )), '[]')
        )
        into strict part
        from dirty
        cross join lateral json_to_record(dirty.key::json) as wanted (%5$s)
        left join %6$s as found on (%7$s)$read$,
        of_table,
        -- Whose the row is now may be found out by a later entry only.
        case when served.subject is null then 'dirty.subjects' else format(
            'case when found.%1$I is null or array_position(dirty.subjects, found.%2$I::text) is not null then dirty.subjects
                    else dirty.subjects || found.%2$I::text end',
            served.key[1], served.subject
        ) end,
        served.key[1],
        (select string_agg(format('found.%1$I::text as %1$I', attname), ', ' order by attnum)
            from pg_attribute where attrelid = target and attnum > 0 and not attisdropped),
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(served.key)),
        target,
        (select string_agg(format('found.%1$I = wanted.%1$I', name), ' and ') from unnest(served.key) as name)
    );
begin
    execute format($template$
create or replace function turnout.taken_%1$s(places tid[], holding boolean, is_due boolean, batch integer) returns json
-- Each row is looked up once: to remember them costs a seventh of the time.
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_memoize = off
as $body$
#variable_conflict use_column
declare
    part json;
begin
    lock table only %2$s in access share mode;
    if not turnout.has_shape(%2$L::regclass, %3$L) then
        return null;
    end if;
    if holding then
        with entry as (%4$s), waiting as (
            -- Those that are due, and others beside: two rows that swap a unique value can only be applied together.
            select * from turnout.held
            where is_due and repository = %1$s and parked_at is null and key not in (select key from entry)
            order by due limit greatest(batch, 1000)
        ), dirty as (
            select key, entry.subjects || held.subjects as subjects, entry.entries,
                entry.xids || held.xids as xids, least(entry.epoch, held.epoch) as epoch,
                entry.own or coalesce(not held.behind, false) as own, held.key is not null as held,
                coalesce(held.attempts, 0) as attempts, least(entry.since, held.since) as since
            from entry left join (select * from turnout.held where repository = %1$s) as held using (key)
            union all
            select key, subjects, '{}', xids, epoch, not behind, true, attempts, since from waiting
        )
        %5$s;
    else
        with dirty as (select *, false as held, 0 as attempts from (%4$s) as entry)
        %5$s;
    end if;
    return part;
end $body$
        $template$,
        of_table, target, shape, entries, read
    );
    execute format('revoke all on function turnout.taken_%s from public', of_table);
end $outer$;

-- Of the columns with these names, a JSON array, those that the table has and does not compute: their names, an SQL query for them
-- over `$1`, a JSON array of objects whose values are texts, and what an update sets.
create or replace function turnout.fresh_rows(
    target regclass, key text[], named json, out columns text, out query text, out updates text
)
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%I', attname), ', ' order by attnum),
        format(
            'select %s from json_to_recordset($1) as fresh (%s)',
            string_agg(format('fresh.%1$I::%2$s as %1$I', attname, format_type(atttypid, -1)), ', ' order by attnum),
            string_agg(format('%I text', attname), ', ')
        ),
        string_agg(format('%1$I = excluded.%1$I', attname), ', ')
            filter (where attidentity <> 'a' and attname <> all(key))
    from pg_attribute
    where attrelid = target and attnum > 0 and not attisdropped and attgenerated = ''
        and attname in (select json_array_elements_text(named))
$$;

-- Writes the function that makes a table hold rows with these columns, a JSON array of names. It returns false and does nothing
-- for rows with others, or if the columns of the table are others by now.
create or replace function turnout.write_putter(of_table smallint, target regclass, key text[], named json) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    -- Before the columns are looked at: should they change meanwhile, this says so.
    shape text := turnout.shape(target);
    fresh record := turnout.fresh_rows(target, key, named);
begin
    execute format($template$
create or replace function turnout.put_%1$s(json, text) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
#variable_conflict use_column
begin
    lock table only %2$s in row exclusive mode;
    if $2 <> %3$L or not turnout.has_shape(%2$L::regclass, %4$L) then
        return false;
    end if;
    insert into %2$s (%5$s) overriding system value %6$s on conflict (%7$s) do %8$s;
    return true;
end $body$
        $template$,
        of_table, target, named, shape, fresh.columns, fresh.query,
        (select string_agg(format('%I', name), ', ') from unnest(key) as name),
        coalesce('update set ' || fresh.updates, 'nothing')
    );
    execute format('revoke all on function turnout.put_%s from public', of_table);
    update turnout.repository set put_as = shape || named::text where number = of_table;
end $outer$;
