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

-- Writes the capture of a table, and its triggers. On a table with partitions it belongs on each of them as well: a
-- statement fires the triggers of the table that it names. A row that moves from one partition to another has no trigger
-- of its own, so with partitions the keys before an update are all taken, be they changed or not.
create or replace function turnout.capture(number smallint, target regclass, key text[], subject text, strict boolean)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    event record;
    template text := $template$
create or replace function turnout.captured_{number}_{event}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $body$
#variable_conflict use_variable
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
        if not pg_try_advisory_xact_lock_shared({lock_class}, let_in::integer)
            or pg_sequence_last_value('turnout.fence'::regclass) > let_in
        then
            raise exception using errcode = 'TN001', message = 'turnout: epoch ' || carried || ' is over';
        end if;
    else
        {strict}loop
            let_in := pg_sequence_last_value('turnout.fence'::regclass);
            exit when pg_try_advisory_xact_lock_shared({lock_class}, let_in::integer)
                and pg_sequence_last_value('turnout.fence'::regclass) = let_in;
        end loop;
    end if;

    {noted};

    if pg_sequence_last_value('turnout.asleep'::regclass) = 1 then
        perform setval('turnout.asleep'::regclass, 0);
    end if;
    return null;
end $body$;

create or replace trigger turnout_captured_{event} after {fires} execute function turnout.captured_{number}_{event}()
$template$;
    filled text;
    partitioned boolean := (select relkind = 'p' from pg_class where oid = target);
begin
    for event in
        select name, fires, noted
        from (values
            ('insert', 'insert on {table} referencing new table as turnout_new for each statement',
                '{insert} {changed} from turnout_new as changed', true),
            ('update', 'update on {table} referencing new table as turnout_new for each statement',
                '{insert} {changed} from turnout_new as changed', not partitioned),
            ('move', 'update on {table} referencing old table as turnout_old new table as turnout_new for each statement',
                '{insert} {changed} from turnout_old as changed union {changed} from turnout_new as changed', partitioned),
            ('key', 'update {of_key} on {table} for each row when ({key_changed})',
                -- Where both change, each key gets both subjects: they say that the row was handed over.
                '{insert} {changed} from (select old.*) as changed
                union {crossed} from (select old.*) as changed, (select new.*) as other
                union {crossed} from (select new.*) as changed, (select old.*) as other
                except {changed} from (select new.*) as changed', not partitioned),
            ('delete', 'delete on {table} referencing old table as turnout_old for each statement',
                '{insert} {changed} from turnout_old as changed', true),
            ('truncate', 'truncate on {table} for each statement',
                'update turnout.repository set verify = true where number = {number}', true)
        ) as possible (name, fires, noted, wanted)
        where wanted
    loop
        filled := replace(template, '{noted}', event.noted);
        filled := replace(filled, '{fires}', event.fires);
        filled := replace(filled, '{event}', event.name);
        filled := replace(filled, '{insert}', 'insert into turnout.dirty (epoch, repository, behind, key, subject)');
        filled := replace(filled, '{changed}', '{dirty} {subject}');
        filled := replace(filled, '{crossed}', '{dirty} {other_subject}');
        filled := replace(filled, '{dirty}', 'select let_in, {number}, coalesce(carried, '''') = '''', {key},');
        filled := replace(filled, '{number}', number::text);
        filled := replace(filled, '{table}', target::text);
        filled := replace(filled, '{key}', turnout.key_expression(target, key));
        filled := replace(filled, '{subject}', case
            when subject is null then 'null::text' else format('changed.%I::text', subject)
        end);
        filled := replace(filled, '{other_subject}', case
            when subject is null then 'null::text' else format('other.%I::text', subject)
        end);
        filled := replace(filled, '{key_changed}', (
            select string_agg(format('old.%1$I is distinct from new.%1$I', name), ' or ')
            from unnest(key || subject) as name where name is not null
        ));
        -- A condition is read anew at each statement, so it is kept from statements that do not touch these columns, unless
        -- a trigger may do so behind their back.
        filled := replace(filled, '{of_key}', case
            when not exists (
                select from pg_trigger
                where tgrelid = target and not tgisinternal and tgtype & 19 = 19
                    and tgname not like 'turnout\_captured\_%'
            )
            then (
                select 'of ' || string_agg(format('%I', name), ', ')
                from unnest(key || subject) as name where name is not null
            )
            else ''
        end);
        filled := replace(filled, '{strict}', case
            when strict then
                'raise exception using errcode = ''TN004'', message = ''turnout: only writes through Turnout are let in''; '
            else ''
        end);
        filled := replace(filled, '{lock_class}', turnout.lock_class()::text);
        execute filled;
    end loop;
end $outer$;
