-- What an applier asks of the side that it writes.

-- What an earlier version of the installation had under these names with other parameters or results.
drop function if exists turnout.put_what_fits(smallint, regclass, text[], json, json, boolean),
    turnout.put_what_fits(smallint, regclass, text[], json, json, text, boolean),
    turnout.remove_rows(regclass, text[], json, boolean), turnout.remove_what_goes(regclass, text[], json, boolean),
    turnout.swap_rows(regclass, text[], json), turnout.apply(bigint, json);

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

-- What is to blame for an error or a remark, in words without values. `detail` is the constraint or the columns.
create or replace function turnout.reason(state text, detail text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select case
        when state = 'TN006' then 'the key belongs to another subject on that side'
        when state = 'TN007' and detail <> '' then 'columns came out otherwise than they were given: ' || detail
        when state = 'TN007' then 'the key came out otherwise than it was given'
        when state = '42703' and detail <> '' then 'that side has no column ' || detail
        when detail <> '' then 'constraint ' || detail
        else 'SQLSTATE ' || state
    end
$$;

-- Makes the table hold rows that stand in each other's way: two swap a unique value. Returns the places, from 1, of rows that others
-- keep out; if there are any, all is to be taken back. One statement, so that references to these rows are checked only when they are back.
create or replace function turnout.swap_rows(target regclass, key text[], subject text, rows json, named json, subjects json)
returns setof bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    columns record;
begin
    with part as (
        select attname as name, place, attname = any(key) as is_key, attgenerated = '' as is_written,
            format('sent.c%s', place) as given, format('sent.c%s::%s', place, format_type(atttypid, -1)) as typed
        from json_array_elements_text(named) with ordinality as n (name, place)
        join pg_attribute on attrelid = target and attname = n.name and attnum > 0 and not attisdropped
    )
    select
        string_agg(format('%I text', name), ', ' order by place) as sent,
        string_agg('c' || place, ', ' order by place) as names,
        string_agg(format('%I', name), ', ' order by place) filter (where is_written) as inserted,
        string_agg(typed, ', ' order by place) filter (where is_written) as typed,
        string_agg(format('present.%I = %s', name, typed), ' and ') filter (where is_key) as is_present,
        string_agg(format('present.%I as k%s', name, place), ', ') filter (where is_key) as returned,
        string_agg(format('back.k%s = %s', place, typed), ' and ') filter (where is_key) as is_back,
        coalesce(min(format(
            'and case when coalesce(json_typeof(sent.subjects), ''null'') = ''null'' then present.%1$I::text is not distinct from %2$s
                else sent.subjects::jsonb @> coalesce(to_jsonb(present.%1$I::text), ''null'') end',
            name, given
        )) filter (where name = subject), '') as is_own
    into columns from part;
    set local search_path to default;
    return query execute format(
        'with sent as materialized (
            select * from rows from (json_to_recordset($1) as (%2$s), json_array_elements($2)) with ordinality as sent (%3$s, subjects, place)
        ),
        gone as (delete from %1$s as present using sent where %6$s %9$s returning 1),
        back as (
            insert into %1$s as present (%4$s) overriding system value
            select %5$s from sent where (select count(*) from gone) >= 0
            on conflict do nothing returning %7$s
        )
        select place from sent where not exists (select from back where %8$s)',
        target, columns.sent, columns.names, columns.inserted, columns.typed, columns.is_present, columns.returned, columns.is_back,
        columns.is_own
    ) using rows, subjects;
end $$;

-- Puts rows and checks at once what is otherwise checked when all rows of a batch are here: deferred constraints and, where triggers are
-- silent, references. Returns the other remarks of the table's putter, each with `place` counted from `first`.
create or replace function turnout.put_checked(
    served turnout.repository, target regclass, rows json, named text, subjects json, silent boolean, first integer
)
returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    remarks json[] := turnout.put(served.number, rows, named, subjects, silent);
    orphan record;
begin
    if not silent then
        set constraints all immediate;
    end if;
    for orphan in
        select remark ->> 'reason' as name, json_agg(rows -> ((remark ->> 'place')::integer - 1)) as keys
        from unnest(remarks) as remark where remark ->> 'state' = '23503' group by 1
    loop
        if turnout.are_orphans(target, served.key, orphan.name, orphan.keys) then
            raise exception using errcode = '23503', constraint = orphan.name, message = 'turnout: a row refers to one that is not here';
        end if;
    end loop;
    return array(
        select json_build_object('place', (remark ->> 'place')::bigint + first - 1, 'state', remark ->> 'state', 'reason', remark ->> 'reason')
        from unnest(remarks) as remark where remark ->> 'state' <> '23503'
    );
end $$;

-- Of a JSON array the elements at these places, in their order; null of null.
create or replace function turnout.chosen(every json[], places integer[]) returns json
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select array_to_json(array(select every[place] from unnest(places) with ordinality as p (place, nth) order by nth))
    where cardinality(every) > 0
$$;

-- Makes the table hold these rows as far as possible: not all can be. Returns the places of rows that were not put, or came out otherwise
-- (`is_written`), with the reason.
create or replace function turnout.put_what_fits(
    served turnout.repository, target regclass, rows json, named text, subjects json, silent boolean, may_swap boolean
)
returns table (place integer, state text, reason text, is_written boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    every json[] := array(select json_array_elements(rows));
    others json[] := array(select json_array_elements(subjects));
    low integer[] := array[1];
    high integer[] := array[cardinality(every)];
    l integer;
    h integer;
    failed integer[] := '{}';
    states text[] := '{}';
    details text[] := '{}';
    remarks json[] := '{}';
    found json[];
    refused text;
    constrained text;
    lacking text;
    swapped integer[];
    blocked bigint[];
begin
    -- What fails is halved until only those rows are left that fail on their own.
    while cardinality(low) > 0 loop
        l := low[cardinality(low)];
        h := high[cardinality(high)];
        low := low[:cardinality(low) - 1];
        high := high[:cardinality(high) - 1];
        begin
            found := turnout.put_checked(
                served, target, array_to_json(every[l:h]), named, case when cardinality(others) > 0 then array_to_json(others[l:h]) end,
                silent, l
            );
            remarks := remarks || found;
        exception when others then
            get stacked diagnostics refused = returned_sqlstate, constrained = constraint_name, lacking = column_name;
            -- An error of class 42 is the table's and no row's.
            if l = h or refused = '55P03' and not turnout.is_patient() or left(refused, 2) = '42' then
                failed := failed || array(select generate_series(l, h));
                states := states || array_fill(refused, array[h - l + 1]);
                details := details || array_fill(constrained || lacking, array[h - l + 1]);
            else
                low := low || ((l + h) / 2 + 1) || l;
                high := high || h || ((l + h) / 2);
            end if;
        end;
    end loop;

    -- Those among them that another row keeps out (23505, 23P01) are tried together, without those kept out by rows that stay.
    if may_swap then
        swapped := array(select f.place from unnest(failed, states) as f (place, state) where f.state in ('23505', '23P01'));
    end if;
    while cardinality(swapped) > 1 loop
        begin
            blocked := array(select turnout.swap_rows(
                target, served.key, served.subject, turnout.chosen(every, swapped), named::json, turnout.chosen(others, swapped)
            ));
            if cardinality(blocked) > 0 then
                raise exception using errcode = 'TN005', message = 'turnout: taken back';
            end if;
            found := turnout.put_checked(
                served, target, turnout.chosen(every, swapped), named, turnout.chosen(others, swapped), silent, 1
            );
            remarks := remarks || array(
                select json_build_object('place', swapped[(remark ->> 'place')::integer], 'state', remark ->> 'state', 'reason', remark ->> 'reason')
                from unnest(found) as remark
            );
            exit;
        exception
            when sqlstate 'TN005' then null;
            when others then blocked := array(select generate_subscripts(swapped, 1));
        end;
        swapped := array(select s.place from unnest(swapped) with ordinality as s (place, nth) where nth <> all(blocked));
    end loop;

    return query
        select f.place, f.state, turnout.reason(f.state, f.detail), false
        from unnest(failed, states, details) as f (place, state, detail)
        where cardinality(swapped) < 2 or f.place <> all(swapped)
        union all
        select (remark ->> 'place')::integer, remark ->> 'state', turnout.reason(remark ->> 'state', remark ->> 'reason'),
            remark ->> 'state' = 'TN007'
        from unnest(remarks) as remark;
end $$;

-- Removes the rows with these keys as far as possible. Returns the places of those that are still here, with the reason.
create or replace function turnout.remove_what_goes(served turnout.repository, keys json, subjects json, silent boolean)
returns table (place integer, state text, reason text, is_written boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    remarks json[];
    refused text;
    constrained text;
    lacking text;
begin
    begin
        remarks := turnout.remove(served.number, keys, subjects, silent);
        if not silent then
            set constraints all immediate;
        end if;
    exception when others then
        remarks := '{}';
        for one in
            select key, named, nth::integer
            from rows from (json_array_elements(keys), json_array_elements(subjects)) with ordinality as e (key, named, nth)
        loop
            if refused = '55P03' and not turnout.is_patient() or left(refused, 2) = '42' then
                return query select one.nth, refused, turnout.reason(refused, constrained || lacking), false;
                continue;
            end if;
            begin
                remarks := remarks || array(
                    select json_build_object('place', one.nth, 'state', remark ->> 'state', 'reason', remark ->> 'reason')
                    from unnest(turnout.remove(
                        served.number, json_build_array(one.key), json_build_array(one.named), silent
                    )) as remark
                );
                if not silent then
                    set constraints all immediate;
                end if;
            exception when others then
                get stacked diagnostics refused = returned_sqlstate, constrained = constraint_name, lacking = column_name;
                return query select one.nth, refused, turnout.reason(refused, constrained || lacking), false;
            end;
        end loop;
    end;
    return query
        select (remark ->> 'place')::integer, remark ->> 'state', turnout.reason(remark ->> 'state', remark ->> 'reason'), false
        from unnest(remarks) as remark;
end $$;

-- Writes anew those functions of the tables in `changes` that are missing or were written for another shape. Returns whether there were any.
create or replace function turnout.renew_writers(changes json) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    change record;
    renewed boolean := false;
begin
    for change in
        select served.*, to_regclass(format('%I.%I', schema_name, table_name)) as target, part.gone is null as puts, part.columns
        from json_to_recordset(changes) as part ("schema" text, "table" text, gone json, columns text)
        join turnout.repository as served on schema_name = part."schema" and table_name = part."table"
    loop
        if change.target is null then
            continue;
        elsif change.puts and change.put_as is distinct from turnout.shape(change.target) || change.columns then
            perform turnout.write_putter(change.number, change.target, change.key, change.subject, change.columns::json);
            renewed := true;
        elsif not change.puts and change.remove_as is distinct from turnout.shape(change.target) then
            perform turnout.write_remover(change.number, change.target, change.key, change.subject);
            renewed := true;
        end if;
    end loop;
    return renewed;
end $$;

-- Removes rows that were left because others refer to them, if all those others are among them: circles of references. Returns the remarks
-- that still hold.
create or replace function turnout.remove_circles(changes json, remarked json[]) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
    parts json := (
        select json_agg(json_build_object(
            'number', number, 'name', format('%I.%I', schema_name, table_name), 'key', repository.key, 'keys', keys, 'subjects', subjects
        ) order by nth)
        from (
            select change.nth, "schema", "table", json_agg(element) as keys, json_agg(subjects -> (place::integer - 1)) as subjects
            from rows from (json_to_recordset(changes) as ("schema" text, "table" text, gone json, subjects json)) with ordinality
                as change ("schema", "table", gone, subjects, nth)
            cross join lateral json_array_elements(gone) with ordinality as e (element, place)
            where exists (
                select from unnest(remarked) as r
                where r ->> 'state' = '23503' and r ->> 'schema' = "schema" and r ->> 'table' = "table" and (r -> 'key')::text = element::text
            )
            group by 1, 2, 3
        ) as left_over
        join turnout.repository on schema_name = "schema" and table_name = "table"
    );
begin
    for part in select * from json_to_recordset(parts) as p (number smallint, keys json, subjects json) loop
        if cardinality(turnout.remove(part.number, part.keys, part.subjects, false)) > 0 then
            raise exception using errcode = '23503', message = 'turnout: a row refers to one that is to be removed';
        end if;
    end loop;
    for part in select * from json_to_recordset(parts) as p (name text, key text[], keys json) loop
        if turnout.are_parents(part.name::regclass, part.key, part.keys) then
            raise exception using errcode = '23503', message = 'turnout: a row refers to one that was removed';
        end if;
    end loop;
    return array(select r from unnest(remarked) as r where r ->> 'state' <> '23503');
exception when foreign_key_violation then
    return remarked;
end $$;

-- Applies all changes of a batch, or raises an error. Returns remarks, JSON objects with `schema`, `table`, `key`, `state`, `reason` and
-- `is_written`. Circles of references are whole only at the end.
create or replace function turnout.apply_whole(changes json, silent boolean) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    change record;
    served turnout.repository;
    remarks json[];
    remarked json[] := '{}';
    orphans json[] := '{}';
    orphan record;
begin
    if not silent then
        set constraints all deferred;
    end if;
    for change in
        select * from json_to_recordset(changes) as part (
            "schema" text, "table" text, gone json, keys json, rows json, columns text, subjects json
        )
    loop
        select * into strict served from turnout.repository
        where repository.schema_name = change.schema and repository.table_name = change.table;
        if change.gone is null then
            remarks := turnout.put(served.number, change.rows, change.columns, change.subjects, silent);
        else
            remarks := turnout.remove(served.number, change.gone, change.subjects, silent);
        end if;
        continue when coalesce(cardinality(remarks), 0) = 0;
        if change.gone is null then
            orphans := orphans || array(
                select json_build_object(
                    'schema', change.schema, 'table', change.table, 'constraint', remark ->> 'reason',
                    'key', change.keys -> ((remark ->> 'place')::integer - 1)
                )
                from unnest(remarks) as remark where remark ->> 'state' = '23503'
            );
        end if;
        remarked := remarked || array(
            select json_build_object(
                'schema', change.schema, 'table', change.table,
                'key', coalesce(change.gone, change.keys) -> ((remark ->> 'place')::integer - 1),
                'state', remark ->> 'state', 'reason', turnout.reason(remark ->> 'state', remark ->> 'reason'),
                'is_written', remark ->> 'state' = 'TN007'
            )
            from unnest(remarks) as remark where change.gone is not null or remark ->> 'state' <> '23503'
        );
    end loop;
    if silent and exists (select from unnest(remarked) as r where r ->> 'state' = '23503') then
        remarked := turnout.remove_circles(changes, remarked);
    end if;
    if not silent then
        set constraints all immediate;
    end if;
    for orphan in
        select schema_name, table_name, repository.key as key_columns, found.constrained, found.keys
        from (
            select o ->> 'schema' as in_schema, o ->> 'table' as in_table, o ->> 'constraint' as constrained, json_agg(o -> 'key') as keys
            from unnest(orphans) as o group by 1, 2, 3
        ) as found
        join turnout.repository on schema_name = in_schema and table_name = in_table
    loop
        if turnout.are_orphans(
            format('%I.%I', orphan.schema_name, orphan.table_name)::regclass, orphan.key_columns, orphan.constrained, orphan.keys
        ) then
            raise exception using errcode = '23503', constraint = orphan.constrained, message = 'turnout: a row refers to one that is not here';
        end if;
    end loop;
    return remarked;
end $$;

-- Makes rows here equal to those of the other side. `changes` is a JSON array of objects, in the order to follow: children go
-- before their parents, and come after them. Each has `schema` and `table`, `seen` (the snapshot that the rows were read in), and
-- either `gone` (keys of rows that are no more) or `keys` and `rows` (in the same order), `columns` (those of the rows), and
-- `handed_over` (those keys of rows that this side may be the authority of), and `arriving` (those keys, each with its subject, that this
-- side is the authority of from now on). `subjects` says, in the order of the keys, whose row each may be here; of rows that are put it may
-- be null, for one or for all, if that is only the row's own subject. `tick` is the number of the batch,
-- `shown` the number of the last batch whose acknowledgement the other side keeps whatever crashes. Returns the keys that could not be
-- applied, and those whose row came out otherwise (`is_written`), with the reason; all others are applied. Whoever keeps a row locked
-- here holds up this row only.
create or replace function turnout.apply(token bigint, changes json, tick bigint, shown bigint)
returns table (schema_name text, table_name text, key text, sqlstate text, reason text, is_written boolean)
-- A plan is as good for one row as for thousands, and takes as long as to put one.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms'
set plan_cache_mode = force_generic_plan set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C' set array_nulls = on set xmloption = 'content'
as $$
declare
    shows_divergence boolean;
    silent boolean;
    change record;
    served turnout.repository;
    target regclass;
    failure record;
    done boolean := false;
    -- Why nothing of a table can be written, as PostgreSQL counts errors.
    barred text;
    remarks json[];
begin
    if current_setting('synchronous_commit') = 'off' then
        perform turnout.outlive_a_crash();
    end if;
    update turnout.lease set tick = apply.tick, shown = greatest(lease.shown, apply.shown)
    where direction = 'incoming' and lease.token = apply.token and lease.tick = apply.tick - 1;
    if not found then
        raise exception using errcode = 'TN002', message = 'turnout: the lease has another holder';
    end if;
    shows_divergence := exists (select from turnout.divergence);
    -- Capture knows the mirror by it.
    perform set_config('turnout.epoch', 'mirror', true);
    silent := current_setting('session_replication_role') = 'replica' or turnout.silence();
    -- What is gone may be inserted by anybody.
    for change in
        select * from json_to_recordset(changes) as part ("schema" text, "table" text, gone json, handed_over json, seen text)
    loop
        continue when coalesce(change.gone, change.handed_over) is null;
        insert into turnout.receipt (repository, key, seen)
        select repository.number, element::text, change.seen::pg_snapshot
        from turnout.repository cross join json_array_elements(coalesce(change.gone, change.handed_over)) as element
        where repository.schema_name = change.schema and repository.table_name = change.table
        on conflict on constraint receipt_pkey do update set seen = excluded.seen;
    end loop;

    for attempt in 1..2 loop
        begin
            remarks := turnout.apply_whole(changes, silent);
            done := true;
        exception when others then null;
        end;
        exit when done or not turnout.renew_writers(changes);
    end loop;

    -- Then what can be applied.
    for change in
        select * from json_to_recordset(changes) as part (
            "schema" text, "table" text, gone json, keys json, rows json, columns text, subjects json
        )
        where not done
    loop
        select * into served from turnout.repository
        where repository.schema_name = change.schema and repository.table_name = change.table;
        target := to_regclass(format('%I.%I', change.schema, change.table));
        barred := case when served.number is null or target is null then '42P01' end;
        if barred is null then
            begin
                -- To put them has waited already.
                execute format(
                    'lock table only %s in row exclusive mode %s', target, case when change.gone is null then 'nowait' end
                );
            exception when others then
                get stacked diagnostics barred = returned_sqlstate;
            end;
        end if;
        remarks := remarks || array(
            select json_build_object(
                'schema', change.schema, 'table', change.table, 'key', coalesce(change.gone, change.keys) -> (f.place - 1),
                'state', f.state, 'reason', f.reason, 'is_written', f.is_written
            )
            from (
                select f.* from turnout.remove_what_goes(served, change.gone, change.subjects, silent) as f
                where barred is null and change.gone is not null
                union all
                -- Where references would act on rows that go, even to return, rows can't stand aside for each other.
                select f.* from turnout.put_what_fits(
                    served, target, change.rows, change.columns, change.subjects, silent, silent or not exists (
                        select from pg_constraint
                        where confrelid = target and contype = 'f' and confdeltype in ('c', 'n', 'd')
                    )
                ) as f
                where barred is null and change.gone is null
                union all
                select nth::integer, barred, case barred when '55P03' then 'the table is locked' else turnout.reason(barred, null) end, false
                from json_array_elements(coalesce(change.gone, change.keys)) with ordinality as e (element, nth)
                where barred is not null
            ) as f
        );
    end loop;

    for failure in
        select r."schema", r."table", r.key::text, r.state, r.reason, r.is_written, repository.number
        from unnest(remarks) as remark
        cross join json_to_record(remark) as r ("schema" text, "table" text, key json, state text, reason text, is_written boolean)
        left join turnout.repository on repository.schema_name = r."schema" and repository.table_name = r."table"
    loop
        if not failure.is_written then
            delete from turnout.receipt where receipt.repository = failure.number and receipt.key = failure.key;
        end if;
        return query select failure.schema, failure.table, failure.key, failure.state, failure.reason, failure.is_written;
    end loop;

    -- A row that arrives leaves a dirty key, as any row does that its authority gets: its key may have been read here before as gone.
    for change in
        select part."schema", part."table", entry -> 0 as key, entry ->> 1 as subject
        from json_to_recordset(changes) as part ("schema" text, "table" text, arriving json)
        cross join lateral json_array_elements(part.arriving) as entry
    loop
        insert into turnout.dirty (epoch, repository, behind, key, subject)
        select turnout.lowest_epoch(), number, true, change.key::text, change.subject
        from turnout.repository
        where repository.schema_name = change.schema and repository.table_name = change.table
            and not exists (
                select from unnest(remarks) as remark
                where remark ->> 'schema' = change.schema and remark ->> 'table' = change.table
                    and (remark -> 'key')::text = change.key::text
            );
    end loop;

    -- What is equal again needs to be shown no longer.
    if shows_divergence then
        perform turnout.end_divergences('mirrored', array_agg(of_table.number), array_agg(applied.key))
        from json_array_elements(changes) as c (element)
        join turnout.repository as of_table
            on of_table.schema_name = c.element ->> 'schema' and of_table.table_name = c.element ->> 'table'
        cross join lateral (
            select json_array_elements(c.element -> 'gone')::text as key
            union all
            select json_array_elements(c.element -> 'keys')::text
        ) as applied
        where not exists (
                select from unnest(remarks) as remark
                where remark ->> 'schema' = of_table.schema_name and remark ->> 'table' = of_table.table_name
                    and (remark -> 'key')::text = applied.key
            );
    end if;
end $$;

-- Keeps what the other side has shown: the number of the last batch whose acknowledgement outlives a crash there.
create or replace function turnout.note_shown(token bigint, shown bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform turnout.outlive_a_crash();
    update turnout.lease set shown = greatest(lease.shown, note_shown.shown)
    where direction = 'incoming' and lease.token = note_shown.token;
end $$;
