-- What an applier asks of the side that it writes.

-- What had other parameters in an earlier version.
drop function if exists turnout.put_what_fits(smallint, regclass, text[], json, json, boolean);

-- Silences triggers and foreign keys for the rest of this transaction, where that is granted. Returns whether they are silent.
create or replace function turnout.silence() returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('session_replication_role', 'replica', true);
    return true;
exception when insufficient_privilege then
    return false;
end $$;

-- How long one statement waits for locks in all, one after the other: what it did not come to is tried again later.
create or replace function turnout.is_patient() returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$ select clock_timestamp() < statement_timestamp() + interval '500 milliseconds' $$;

-- Removes the rows with these keys, a JSON array of objects. With `guarded` none goes from which the database would go on to
-- rows of other served tables (cascades): their own keys are dirty as well, and they may be meant to stay.
create or replace function turnout.remove_rows(target regclass, key text[], keys json, guarded boolean) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    gone text;
    child record;
    found boolean;
begin
    select format(
        'json_to_recordset($1) as gone (%s)', string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
    ) into gone
    from pg_attribute where attrelid = target and attname = any(key);
    for child in
        select conname, conrelid::regclass as name, (
            select string_agg(format('child.%I = present.%I', own.attname, referred.attname), ' and ')
            from unnest(conkey, confkey) as pair (here, there)
            join pg_attribute as own on own.attrelid = conrelid and own.attnum = pair.here
            join pg_attribute as referred on referred.attrelid = confrelid and referred.attnum = pair.there
        ) as refers
        from pg_constraint
        where guarded and contype = 'f' and confrelid = target and confdeltype in ('c', 'n', 'd') and conparentid = 0
            and conrelid in (select to_regclass(format('%I.%I', schema_name, table_name)) from turnout.repository)
    loop
        execute format(
            'select exists (select from %s join %s as present on %s join %s as child on %s)', gone, target,
            (select string_agg(format('present.%1$I = gone.%1$I', name), ' and ') from unnest(key) as name),
            child.name, child.refers
        ) into found using keys;
        if found then
            raise exception using errcode = '23503', constraint = child.conname;
        end if;
    end loop;
    execute format(
        'delete from %s as present using %s where %s', target, gone,
        (select string_agg(format('present.%1$I = gone.%1$I', name), ' and ') from unnest(key) as name)
    ) using keys;
end $$;

-- Makes the table hold rows that stand in each other's way: two swap a unique value. Returns the places, from 1, of rows that others
-- keep out; if there are any, all is to be taken back. One statement, so that references to these rows are checked only
-- when they are back.
create or replace function turnout.swap_rows(target regclass, key text[], rows json) returns setof bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    fresh record;
begin
    fresh := turnout.fresh_rows(target, key, array_to_json(array(select json_object_keys(rows -> 0))));
    return query execute format(
        'with fresh as materialized (select row_number() over () as turnout_place, row.* from (%3$s) as row),
        gone as (delete from %1$s as present using fresh where %4$s returning 1),
        back as (
            insert into %1$s (%2$s) overriding system value
            select %2$s from fresh where (select count(*) from gone) >= 0
            on conflict do nothing returning %5$s
        )
        select turnout_place from fresh where not exists (select from back as present where %4$s)',
        target, fresh.columns, fresh.query,
        (select string_agg(format('present.%1$I = fresh.%1$I', name), ' and ') from unnest(key) as name),
        (select string_agg(format('%I', name), ', ') from unnest(key) as name)
    ) using rows;
end $$;

-- Makes the table hold these rows, `keys` in the same order, as far as possible: not all can be. Returns what could not be, with the reason.
create or replace function turnout.put_what_fits(
    number smallint, target regclass, key_columns text[], keys json, rows json, named text, may_swap boolean
)
returns table (key text, sqlstate text, reason text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    every json[];
    low integer[];
    high integer[];
    l integer;
    h integer;
    failed integer[] := '{}';
    states text[] := '{}';
    reasons text[] := '{}';
    refused text;
    constrained text;
    swapped integer[];
    blocked bigint[];
begin
    -- What fails is halved until only those rows are left that fail on their own.
    every := array(select json_array_elements(rows));
    low := array[1];
    high := array[cardinality(every)];
    while cardinality(low) > 0 loop
        l := low[cardinality(low)];
        h := high[cardinality(high)];
        low := trim_array(low, 1);
        high := trim_array(high, 1);
        begin
            if not turnout.put(number, array_to_json(every[l:h]), named) then
                raise exception using errcode = 'TN005', message = 'turnout: the columns are others';
            end if;
        exception when others then
            get stacked diagnostics refused = returned_sqlstate, constrained = constraint_name;
            if l = h or refused = '55P03' and not turnout.is_patient() then
                failed := failed || array(select generate_series(l, h));
                states := states || array_fill(refused, array[h - l + 1]);
                reasons := reasons || array_fill(constrained, array[h - l + 1]);
            else
                low := low || ((l + h) / 2 + 1) || l;
                high := high || h || ((l + h) / 2);
            end if;
        end;
    end loop;

    -- Those among them that another row keeps out (23505, 23P01) are tried together, without those kept out by rows that stay.
    if may_swap then
        swapped := array(select place from unnest(failed, states) as f (place, state) where state in ('23505', '23P01'));
    end if;
    while cardinality(swapped) > 1 loop
        begin
            blocked := array(select turnout.swap_rows(
                target, key_columns, (select array_to_json(array_agg(every[place] order by n))
                    from unnest(swapped) with ordinality as s (place, n))
            ));
            exit when cardinality(blocked) = 0;
            raise exception using errcode = 'TN005', message = 'turnout: taken back';
        exception
            when sqlstate 'TN005' then null;
            when others then blocked := array(select generate_subscripts(swapped, 1));
        end;
        swapped := array(select place from unnest(swapped) with ordinality as s (place, n) where n <> all(blocked));
    end loop;

    return query
        select (keys -> (f.place - 1))::text, f.state, f.reason
        from unnest(failed, states, reasons) as f (place, state, reason)
        where cardinality(swapped) < 2 or f.place <> all(swapped);
end $$;

-- Removes the rows with these keys as far as possible. Returns what could not be removed, with the reason.
create or replace function turnout.remove_what_goes(target regclass, key_columns text[], keys json, guarded boolean)
returns table (key text, sqlstate text, reason text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    one json;
    refused text;
    constrained text;
begin
    perform turnout.remove_rows(target, key_columns, keys, guarded);
exception when others then
    get stacked diagnostics refused = returned_sqlstate;
    for one in select json_array_elements(keys) loop
        if refused = '55P03' and not turnout.is_patient() then
            return query select one::text, refused, '';
            continue;
        end if;
        begin
            perform turnout.remove_rows(target, key_columns, json_build_array(one), guarded);
        exception when others then
            get stacked diagnostics refused = returned_sqlstate, constrained = constraint_name;
            return query select one::text, refused, constrained;
        end;
    end loop;
end $$;

-- Makes rows here equal to those of the other side. `changes` is a JSON array of objects, in the order to follow: children go
-- before their parents, and come after them. Each has `schema` and `table`, `seen` (the snapshot that the rows were read in), and
-- either `gone` (keys of rows that are no more) or `keys` and `rows` (in the same order), `columns` (those of the rows), and
-- `handed_over` (those keys of rows that this side may be the authority of). Returns the keys that could not be applied, with the
-- reason; all others are. Whoever keeps a row locked here holds up this row only.
create or replace function turnout.apply(token bigint, changes json)
returns table (schema_name text, table_name text, key text, sqlstate text, reason text)
-- A plan is as good for one row as for thousands, and takes as long as to put one. What is done each time is done here: whenever
-- a function with settings of its own returns, PostgreSQL looks through all that there are.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms'
set plan_cache_mode = force_generic_plan
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1
as $$
declare
    shows_divergence boolean;
    silent boolean;
    change record;
    target regclass;
    served turnout.repository;
    failure record;
    -- Why nothing of a table can be written, as PostgreSQL counts errors.
    barred text;
    failed text[] := '{}';
begin
    if current_setting('synchronous_commit') = 'off' then
        perform turnout.outlive_a_crash();
    end if;
    -- As `turnout.hold_lease`.
    select exists (select from turnout.divergence) into shows_divergence
    from turnout.lease where direction = 'incoming' and lease.token = apply.token for share;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
    -- Capture knows the mirror by it.
    perform set_config('turnout.epoch', 'mirror', true);
    silent := current_setting('session_replication_role') = 'replica' or turnout.silence();
    -- In the order of the array.
    for change in
        select * from json_to_recordset(changes) as part (
            "schema" text, "table" text, gone json, keys json, rows json, columns text, handed_over json, seen text
        )
    loop
        if change.gone is not null and change.rows is not null then
            raise exception using errcode = '0A000', message = 'turnout: this host is of an earlier version; replace it';
        end if;
        select * into served from turnout.repository
        where repository.schema_name = change.schema and repository.table_name = change.table;
        target := to_regclass(format('%I.%I', change.schema, change.table));
        barred := case when served.number is null or target is null then '42P01' end;
        -- What is gone may be inserted by anybody.
        if barred is null and change.seen is not null and coalesce(change.gone, change.handed_over) is not null then
            insert into turnout.receipt (repository, key, seen)
            select served.number, element::text, change.seen::pg_snapshot
            from json_array_elements(coalesce(change.gone, change.handed_over)) as element
            on conflict on constraint receipt_pkey do update set seen = excluded.seen;
        end if;
        if barred is null and change.gone is null then
            -- All of them, as a rule.
            begin
                if turnout.put(served.number, change.rows, change.columns) then
                    continue;
                end if;
            exception when others then null;
            end;
        end if;
        if barred is null then
            begin
                -- To put them has waited already.
                execute format(
                    'lock table only %s in row exclusive mode %s', target, case when change.gone is null then 'nowait' end
                );
            exception when lock_not_available then
                barred := '55P03';
            end;
        end if;
        if barred is null and change.gone is null
            and served.put_as is distinct from turnout.shape(target) || change.columns
        then
            perform turnout.write_putter(served.number, target, served.key, change.columns::json);
        end if;
        for failure in
            select f.* from turnout.remove_what_goes(target, served.key, change.gone, not silent) as f
            where barred is null and change.gone is not null
            union all
            -- Rows may stand in each other's way. Where references would act on rows that go, even to return, they can't be
            -- helped.
            select f.* from turnout.put_what_fits(
                served.number, target, served.key, change.keys, change.rows, change.columns, silent or not exists (
                    select from pg_constraint
                    where confrelid = target and contype = 'f' and confdeltype in ('c', 'n', 'd')
                )
            ) as f
            where barred is null and change.gone is null
            union all
            select element::text, barred, null
            from json_array_elements(coalesce(change.gone, change.keys)) as element
            where barred is not null
        loop
            failed := failed || (served.number || ' ' || failure.key);
            delete from turnout.receipt where receipt.repository = served.number and receipt.key = failure.key;
            return query
                select change.schema, change.table, failure.key, failure.sqlstate, failure.reason;
        end loop;
    end loop;

    -- What is equal again needs to be shown no longer.
    if shows_divergence then
        delete from turnout.divergence
        using json_array_elements(changes) as c (element)
        join turnout.repository as of_table
            on of_table.schema_name = c.element ->> 'schema' and of_table.table_name = c.element ->> 'table'
        cross join lateral (
            select json_array_elements(c.element -> 'gone')::text as key
            union all
            select json_array_elements(c.element -> 'keys')::text
        ) as applied
        where divergence.repository = of_table.number and divergence.key = applied.key
            and of_table.number || ' ' || applied.key <> all(failed);
    end if;
end $$;
