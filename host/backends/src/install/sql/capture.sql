-- Capture: after each statement the keys of the rows that it changed become dirty, and the epoch of the writer is checked.
-- Both in one function, as each costs every writer time. A writer that is refused there is rolled back. Each event of a table
-- has a function of its own, written for its columns: anything decided anew at each write would cost more than the write, and
-- PL/pgSQL makes every expression ready anew in each transaction.

-- A key as JSON, `{"id":5}`: an SQL expression over a row called `changed`.
create or replace function turnout.key_expression(target regclass, key text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select quote_literal('{') || ' || ' || string_agg(
        quote_literal(case when place > 1 then ',' else '' end || to_json(name)::text || ':') || ' || '
            || case
                -- The same at every time zone of a session.
                when atttypid = 'timestamptz'::regtype
                then format('coalesce(to_json(changed.%I at time zone ''UTC'')::text, %L)', name, 'null')
                when atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) and attnotnull
                then format('changed.%I', name)
                else format('coalesce(to_json(changed.%I)::text, %L)', name, 'null')
            end,
        ' || ' order by place
    ) || ' || ' || quote_literal('}')
    from unnest(key) with ordinality as part (name, place)
    join pg_attribute on attrelid = target and attname = name
$$;

-- Settings of a session that change the text of a key or a subject, pinned where one of these columns needs it only: each costs every
-- writer time.
create or replace function turnout.pinned_settings(target regclass, columns text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select case
        when bool_or(coalesce(base.typtype, one.typtype) <> 'e' and coalesce(base.oid, one.oid) <> all(array[
            'bool', 'int2', 'int4', 'int8', 'numeric', 'oid', 'text', 'varchar', 'bpchar', 'name', 'uuid'
        ]::regtype[]))
        then 'set timezone = "UTC" set datestyle = "ISO" set intervalstyle = "postgres" set extra_float_digits = 1
            set bytea_output = "hex" set lc_monetary = "C"'
        else ''
    end
    from pg_attribute
    join pg_type as one on one.oid = atttypid
    left join pg_type as base on base.oid = one.typbasetype
    where attrelid = target and attname = any(columns) and not attisdropped
$$;

-- The condition of a trigger under which one of these columns changes. Operators outside pg_catalog are not found, so columns of other
-- types are compared as texts.
create or replace function turnout.any_changes(target regclass, columns text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format(
        case
            when typtype = 'e' or typnamespace = 'pg_catalog'::regnamespace
                and exists (select from pg_opclass where opcdefault and opcintype = pg_type.oid)
            then 'old.%1$I is distinct from new.%1$I'
            else 'old.%1$I::text is distinct from new.%1$I::text'
        end,
        attname
    ), ' or ')
    from pg_attribute join pg_type on pg_type.oid = atttypid
    where attrelid = target and attname = any(columns) and not attisdropped
$$;

-- The changed rows of `source` as `changed`, for a `from`. A column of these that is renamed or dropped later must fail no writer: it
-- is a null then. A name without a table is looked for in the changed rows first, and where they lack it, in what stands beside them.
-- PostgreSQL makes no more of all this than it does of the changed rows alone. That a column is gone shows in the catalogue
-- (`turnout.gaps`).
create or replace function turnout.changed_rows(target regclass, columns text[], source text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select format(
        '(select %2$s) as missing cross join lateral (select %3$s from %1$s as written) as changed', source,
        string_agg(
            case
                -- As `key_expression` has it: an integer that can't be null is put into the text as it is.
                when atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) and attnotnull
                then format('text %L as %I', 'null', attname)
                else format('null::%s as %I', format_type(atttypid, atttypmod), attname)
            end,
            ', '
        ),
        string_agg(quote_ident(attname), ', ')
    )
    from pg_attribute
    where attrelid = target and attname = any(columns)
$$;

-- Writes the capture of a table, and its triggers. On a table with partitions it belongs on each of them as well: a
-- statement fires the triggers of the table that it names. A row that moves from one partition to another has no trigger
-- of its own, so with partitions the keys before an update are all taken, be they changed or not.
-- The triggers fire always: `session_replication_role = replica`, which restores and CDC tools set, does not silence them.
create or replace function turnout.capture(number smallint, target regclass, key text[], subject text, strict boolean)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    event record;
    -- Names of tables and columns are put in once, by `format`: they may look like anything.
    body text := $template$
#variable_conflict use_column
<<writer>>
declare
    carried text := current_setting('turnout.epoch', true);
    let_in bigint;
begin
    if carried <> '' then
        -- The mirror's own write.
        if carried = 'mirror' then
            return null;
        end if;
        let_in := carried;
        -- Whoever raises the fence has raised it before it asks for this lock: not getting it means too late.
        if not pg_try_advisory_xact_lock_shared(%1$s, let_in::integer)
            or pg_sequence_last_value('turnout.fence'::regclass) > let_in
        then
            raise exception using errcode = 'TN001', message = 'turnout: epoch ' || carried || ' is over';
        end if;
    else
        %2$sloop
            let_in := pg_sequence_last_value('turnout.fence'::regclass);
            exit when pg_try_advisory_xact_lock_shared(%1$s, let_in::integer)
                and pg_sequence_last_value('turnout.fence'::regclass) = let_in;
        end loop;
    end if;

    %3$s;

    if pg_sequence_last_value('turnout.asleep'::regclass) = 1 then
        perform setval('turnout.asleep'::regclass, 0);
    end if;
    return null;
end $template$;
    partitioned boolean := (select relkind = 'p' from pg_class where oid = target);
    replaces boolean := current_setting('server_version_num')::integer >= 140000;
    columns text[] := array_remove(case when subject = any(key) then key else key || subject end, null);
    entry text := format(
        'select writer.let_in, %s, coalesce(writer.carried, '''') = '''', %s, ', number, turnout.key_expression(target, key)
    );
    of_new text := turnout.changed_rows(target, columns, 'turnout_new');
    of_old text := turnout.changed_rows(target, columns, 'turnout_old');
    before text := turnout.changed_rows(target, columns, '(select old.*)');
    after text := turnout.changed_rows(target, columns, '(select new.*)');
    changed text := entry || coalesce('changed.' || quote_ident(subject), 'null') || '::text from ';
    crossed text := replace(entry || coalesce('other.' || quote_ident(subject), 'null'), '%', '%%')
        || '::text from (select changed.* from %s) as changed, (select changed.* from %s) as other';
    refused text := case when strict then
        'raise exception using errcode = ''TN004'', message = ''turnout: only writes through Turnout are let in''; '
    end;
    -- A condition is read anew at each statement, so it is kept from statements that do not touch these columns, unless a trigger
    -- may do so behind their back.
    of_key text := case when not exists (
        select from pg_trigger
        where tgrelid = target and not tgisinternal and tgtype & 19 = 19 and tgname not like 'turnout\_captured\_%'
    ) then 'of ' || (select string_agg(quote_ident(name), ', ') from unnest(columns) as name) end;
begin
    for event in
        select name, operation, fires, noted
        from (values
            ('insert', 'insert', 'referencing new table as turnout_new for each statement',
                changed || of_new, true),
            ('update', 'update', 'referencing new table as turnout_new for each statement',
                changed || of_new, not partitioned),
            ('move', 'update', 'referencing old table as turnout_old new table as turnout_new for each statement',
                changed || of_old || ' union ' || changed || of_new, partitioned),
            ('key', concat_ws(' ', 'update', of_key), 'for each row when (' || turnout.any_changes(target, columns) || ')',
                -- Where both change, each key gets both subjects: they say that the row was handed over.
                changed || before || ' union ' || format(crossed, before, after) || ' union ' || format(crossed, after, before)
                    || ' except ' || changed || after, not partitioned),
            ('delete', 'delete', 'referencing old table as turnout_old for each statement',
                changed || of_old, true),
            -- That a table was truncated shows in its file (`turnout.gaps`).
            ('truncate', 'truncate', 'for each statement', null, true)
        ) as possible (name, operation, fires, noted, wanted)
        where wanted
    loop
        execute format(
            'create or replace function turnout.captured_%s_%s() returns trigger
            language plpgsql security definer set search_path = pg_catalog, pg_temp %s as %L',
            number, event.name, turnout.pinned_settings(target, columns),
            format(body, turnout.lock_class(), refused, coalesce(
                'insert into turnout.dirty (epoch, repository, behind, key, subject) ' || event.noted, 'null'
            ))
        );
        -- PostgreSQL 13 can't replace a trigger.
        if not replaces and exists (
            select from pg_trigger where tgrelid = target and tgname = 'turnout_captured_' || event.name
        ) then
            execute format('drop trigger turnout_captured_%s on %s', event.name, target);
        end if;
        execute format(
            'create %6$s trigger turnout_captured_%1$s after %2$s on %3$s %4$s execute function turnout.captured_%5$s_%1$s()',
            event.name, event.operation, target, event.fires, number, case when replaces then 'or replace' end
        );
        execute format('alter table only %s enable always trigger turnout_captured_%s', target, event.name);
    end loop;
end $outer$;
