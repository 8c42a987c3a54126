-- Putting tables under the care of Turnout, and taking them out of it.

-- The sequences that number the rows of a table, each with its column.
create or replace function turnout.sequences_of(target regclass) returns table (column_name name, sequence regclass)
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select distinct attribute.attname, reference.refobjid::regclass
    from pg_attribute as attribute
    left join pg_attrdef as fallback on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
    join lateral (
        select refobjid from pg_depend
        where classid = 'pg_attrdef'::regclass and objid = fallback.oid and refclassid = 'pg_class'::regclass
        union
        select objid from pg_depend
        where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass
            and refobjid = target and refobjsubid = attribute.attnum and deptype in ('a', 'i')
    ) as reference on true
    join pg_class as sequence on sequence.oid = reference.refobjid and sequence.relkind = 'S'
    where attribute.attrelid = target and attribute.attnum > 0 and not attribute.attisdropped
$$;

-- The highest number that a table has or has handed out.
create or replace function turnout.highest_number(in_schema text, in_table text) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    counted record;
    one bigint;
    highest bigint := 0;
begin
    for counted in select * from turnout.sequences_of(target) loop
        execute format(
            'select greatest((select max(%I) from %s), (select last_value from %s where is_called), 0)',
            counted.column_name, target, counted.sequence
        ) into one;
        highest := greatest(highest, one);
    end loop;
    return highest;
end $$;

-- Has the sequences of a table hand out only numbers above this one that the other side does not.
create or replace function turnout.number_above(in_schema text, in_table text, highest bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    counted record;
    used bigint;
    upcoming bigint;
begin
    for counted in
        select one.sequence, known.parity, seqincrement as step
        from turnout.sequences_of(format('%I.%I', in_schema, in_table)::regclass) as one
        join turnout.sequence as known on known.name = one.sequence::text
        join pg_sequence on seqrelid = one.sequence
    loop
        execute format(
            'select last_value + case when is_called then %s else 0 end from %s', counted.step, counted.sequence
        ) into upcoming;
        continue when upcoming > highest and upcoming % 2 = counted.parity;
        -- This changes nothing, but nothing is handed out after it until the end of the transaction.
        execute format('alter sequence %s increment by %s', counted.sequence, counted.step);
        execute format('select last_value - case when is_called then 0 else 1 end from %s', counted.sequence) into used;
        upcoming := greatest(used, highest) + 1;
        upcoming := upcoming + (upcoming + counted.parity) % 2;
        execute format('alter sequence %s restart with %s', counted.sequence, upcoming);
    end loop;
end $$;

-- Makes the sequences of a table count in steps of two, odd on `old` and even on `new`, so that both sides can hand out
-- numbers.
create or replace function turnout.interleave(side text, target regclass, in_schema text, in_table text)
returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    counted regclass;
    step bigint;
begin
    for counted in select sequence from turnout.sequences_of(target) loop
        begin
            select seqincrement into strict step from pg_sequence where seqrelid = counted;
            if not exists (select from turnout.sequence where name = counted::text) then
                -- First of all: nothing is counted after this until the end of the transaction.
                execute format('alter sequence %s increment by %s', counted, 2 * step);
                insert into turnout.sequence (name, increment, parity)
                values (counted::text, step, case side when 'old' then 1 else 0 end);
                perform turnout.number_above(in_schema, in_table, turnout.highest_number(in_schema, in_table));
                return next format('sequence %s counts on in steps of %s', counted, 2 * step);
            end if;
        exception when insufficient_privilege then
            return next format(
                'warning: sequence %s belongs to somebody else and was left as it is: both sides may hand out the same number; let its owner run this installation',
                counted
            );
        end;
    end loop;
end $$;

-- Puts a table under the care of Turnout, or renews that. Returns what was done or could not be, in words. A table that can't be
-- captured keeps no other from being served.
create or replace function turnout.serve(
    side text, in_schema text, in_table text, key_columns text[], subject_column text, strict boolean
) returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    why text;
begin
    delete from turnout.refused where schema_name = in_schema and table_name = in_table;
    return query select turnout.serve_table(side, in_schema, in_table, key_columns, subject_column, strict);
exception
    -- These pass: the installation is tried again.
    when lock_not_available or deadlock_detected or query_canceled then raise;
    when others then
        get stacked diagnostics why = message_text;
        insert into turnout.refused (schema_name, table_name, reason) values (in_schema, in_table, why)
        on conflict (schema_name, table_name) do update set reason = excluded.reason;
        return next format('warning: table %I.%I cannot be captured, so it cannot be mirrored: %s', in_schema, in_table, why);
end $$;

create or replace function turnout.serve_table(
    side text, in_schema text, in_table text, key_columns text[], subject_column text, strict boolean
) returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    place smallint;
    part regclass;
    fires text;
    without_gap boolean;
    traces record;
begin
    if (select relkind not in ('r', 'p') from pg_class where oid = target) then
        raise exception '%.% is a view or a foreign table: no row changes in it', quote_ident(in_schema), quote_ident(in_table);
    end if;
    -- Without a gap until now, as nobody writes meanwhile.
    without_gap := exists (
        select from turnout.repository
        where schema_name = in_schema and table_name = in_table
            and key = key_columns and subject is not distinct from subject_column
            and number not in (select number from turnout.gaps())
    );
    insert into turnout.repository (number, schema_name, table_name, key, subject)
    values (
        (select coalesce(max(number), 0) + 1 from turnout.repository), in_schema, in_table, key_columns, subject_column
    )
    on conflict (schema_name, table_name) do update
    set key = excluded.key, subject = excluded.subject, put_as = null, remove_as = null, compared_files = null
    returning number into place;
    perform turnout.write_dispatch();
    -- Also those of tables that are served no longer, as their keys may be dirty all the same.
    perform turnout.write_reader(number) from turnout.repository
    where number = place or to_regclass(format('%I.%I', schema_name, table_name)) is not null
        and to_regprocedure(format('turnout.taken_%s(tid[], boolean, boolean, integer)', number)) is null;
    execute format(
        'drop function if exists turnout.put_%1$s(json, text, json, boolean), turnout.remove_%1$s(json, json, boolean)', place
    );
    for part in select relid from pg_partition_tree(target) union select target loop
        perform turnout.capture(place, part, key_columns, subject_column, strict);
    end loop;
    if without_gap then
        select * into traces from turnout.traces(target);
        perform turnout.compared(in_schema, in_table, traces.files, traces.triggers);
    end if;
    return next format('table %s is captured', target);
    return query select turnout.interleave(side, target, in_schema, in_table);

    if not turnout.silence() then
        select string_agg(tgname, ', ') into fires
        from pg_trigger where tgrelid = target and not tgisinternal and tgname not like 'turnout\_captured\_%';
        if fires is not null then
            return next format(
                'warning: on table %s these triggers will fire on mirrored writes too, as %s may not set session_replication_role: %s',
                target, current_user, fires
            );
        end if;
    else
        perform set_config('session_replication_role', 'origin', true);
    end if;
end $$;

-- Writes the functions that read, put and remove the rows of a table by its number. To put that call
-- together each time costs a tenth of a take.
create or replace function turnout.write_dispatch() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    numbers smallint[] := array(select number from turnout.repository order by number);
begin
    execute format($template$
create or replace function turnout.taken(of_table smallint, places tid[], holding boolean, is_due boolean, batch integer)
returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
begin
    case of_table
    %s
    end case;
end $body$
        $template$,
        (select string_agg(format(
            'when %1$s then return turnout.taken_%1$s(places, holding, is_due, batch);', number
        ), E'\n    ') from unnest(numbers) as number)
    );
    execute format($template$
create or replace function turnout.put(of_table smallint, rows json, named text, subjects json, silent boolean) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
begin
    case of_table
    %s
    end case;
end $body$
        $template$,
        (select string_agg(format('when %1$s then return turnout.put_%1$s(rows, named, subjects, silent);', number), E'\n    ')
            from unnest(numbers) as number)
    );
    execute format($template$
create or replace function turnout.remove(of_table smallint, keys json, subjects json, silent boolean) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
begin
    case of_table
    %s
    end case;
end $body$
        $template$,
        (select string_agg(format('when %1$s then return turnout.remove_%1$s(keys, subjects, silent);', number), E'\n    ')
            from unnest(numbers) as number)
    );
    revoke all on function turnout.taken, turnout.put, turnout.remove from public;
end $outer$;

-- Takes away what was put on the tables: triggers, and the steps of the sequences. The schema itself goes with
-- `drop schema turnout cascade`.
create or replace function turnout.leave() returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    fired record;
    counted record;
begin
    for fired in
        select tgname, tgrelid::regclass as target from pg_trigger
        where tgname like 'turnout\_captured\_%' and not tgisinternal and tgparentid = 0
    loop
        execute format('drop trigger %I on %s', fired.tgname, fired.target);
    end loop;
    for counted in select * from turnout.sequence loop
        if to_regclass(counted.name) is not null then
            execute format('alter sequence %s increment by %s', counted.name, counted.increment);
            return next format('sequence %s counts in steps of %s again', counted.name, counted.increment);
        end if;
    end loop;
end $$;
