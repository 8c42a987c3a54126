-- Putting tables under the care of Turnout, and taking them out of it.

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
        select * into traces from turnout.traces(target, key_columns || subject_column);
        perform turnout.compared(in_schema, in_table, traces.files, traces.triggers);
    end if;
    return next format('table %s is captured', target);
    return query
        select distinct format(
            'warning: sequence %s of table %s can''t be set apart when both sides can insert: %s', numbered.sequence, target,
            numbered.obstacle
        )
        from turnout.numbering(false) as numbered
        where numbered.schema_name = in_schema and numbered.table_name = in_table and numbered.obstacle is not null;

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

-- Takes away what was put on the tables: the triggers, and the steps of sequences that are set apart. The schema itself goes with
-- `drop schema turnout cascade`.
create or replace function turnout.leave() returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    fired record;
begin
    for fired in
        select tgname, tgrelid::regclass as target from pg_trigger
        where tgname like 'turnout\_captured\_%' and not tgisinternal and tgparentid = 0
    loop
        execute format('drop trigger %I on %s', fired.tgname, fired.target);
    end loop;
    return query select turnout.leave_sequences();
end $$;
