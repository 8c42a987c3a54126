-- Reading and putting rows. The functions of a table are written for its columns, as capture is: the database plans a query
-- that it knows once, and one that is put together at each batch each time, which takes longer than to carry it out. They are
-- written anew as soon as the columns are others.

-- What had other parameters in an earlier version.
drop function if exists turnout.put_shape(regclass, json), turnout.fresh_rows(regclass, text[], json),
    turnout.write_putter(smallint, regclass, text[], json);
do $$
declare
    reader regprocedure;
begin
    for reader in
        select oid from pg_proc
        where pronamespace = 'turnout'::regnamespace and proname ~ '^taken?(_\d+)?$' and 'seen' <> all(proargnames)
    loop
        execute 'drop function ' || reader;
        update turnout.repository set read_as = null;
    end loop;
end $$;

-- What the columns of a table are, to see whether they have changed.
create or replace function turnout.shape(target regclass) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select string_agg(concat_ws(' ', attname, atttypid, atttypmod, attgenerated, attidentity), ',' order by attnum)
        from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
    );
end $$;

-- Writes the function that gives an applier the dirty keys of a table, with the rows as they are.
create or replace function turnout.write_reader(of_table smallint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    served turnout.repository := (select r from turnout.repository as r where number = of_table);
    target regclass := format('%I.%I', served.schema_name, served.table_name)::regclass;
begin
    execute format($template$
create or replace function turnout.taken_%1$s(places tid[], file oid, is_due boolean, batch integer)
returns table (
    repository smallint, key text, subjects text[], content text, entries text[], xids bigint[], epoch bigint, own boolean,
    held boolean, attempts integer, age_ms bigint, place text, filenode oid, seen text
)
-- Each row is looked up once: to remember them costs a seventh of the time.
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_memoize = off
as $body$
#variable_conflict use_column
begin
    return query
    with entry as (
        select key, array_agg(distinct subject) as subjects, array_agg(ctid::text) as entries,
            array_agg(distinct xid::text::bigint) as xids, min(epoch) as epoch, bool_or(not behind) as own, min(at) as since
        from turnout.dirty where ctid = any(places) and repository = %1$s
        group by key
    ), waiting as (
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
        select key, subjects, null, xids, epoch, not behind, true, attempts, since from waiting
    )
    select %1$s::smallint, dirty.key, %7$s,
        case when found.%2$I is not null then (select row_to_json(shown)::text from (select %3$s) as shown) end,
        dirty.entries, dirty.xids, dirty.epoch, dirty.own, dirty.held, dirty.attempts,
        (extract(epoch from clock_timestamp() - dirty.since) * 1000)::bigint,
        places[cardinality(places)]::text, file,
        -- Once: it is as long as there are transactions.
        case row_number() over () when 1 then pg_current_snapshot()::text end
    from dirty
    cross join lateral json_to_record(dirty.key::json) as wanted (%4$s)
    left join %5$s as found on (%6$s);
end $body$
        $template$,
        of_table,
        served.key[1],
        (select string_agg(format('found.%1$I::text as %1$I', attname), ', ' order by attnum)
            from pg_attribute where attrelid = target and attnum > 0 and not attisdropped),
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(served.key)),
        target,
        (select string_agg(format('found.%1$I = wanted.%1$I', name), ' and ') from unnest(served.key) as name),
        -- Whose the row is now may be found out by a later entry only.
        case when served.subject is null then 'dirty.subjects' else format(
            'case when found.%1$I is null or array_position(dirty.subjects, found.%2$I::text) is not null then dirty.subjects
                else dirty.subjects || found.%2$I::text end',
            served.key[1], served.subject
        ) end
    );
    execute format('revoke all on function turnout.taken_%s from public', of_table);
    update turnout.repository set read_as = turnout.shape(target) where number = of_table;
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

-- Writes the function that makes a table hold rows with these columns, a JSON array of names.
create or replace function turnout.write_putter(of_table smallint, target regclass, key text[], named json) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    fresh record := turnout.fresh_rows(target, key, named);
begin
    execute format($template$
create or replace function turnout.put_%s(json) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
begin
    insert into %s (%s) overriding system value %s on conflict (%s) do %s;
end $body$
        $template$,
        of_table, target, fresh.columns, fresh.query,
        (select string_agg(format('%I', name), ', ') from unnest(key) as name),
        coalesce('update set ' || fresh.updates, 'nothing')
    );
    execute format('revoke all on function turnout.put_%s from public', of_table);
    update turnout.repository set put_as = turnout.shape(target) || named::text where number = of_table;
end $outer$;
