-- Whether capture of a table has been without a gap since both sides were compared. A change that capture can miss leaves a trace:
-- TRUNCATE gives a table another file, a swap by rename or a restore makes it another table, and triggers that are switched off and on
-- again are other row versions of the catalogue, as are columns that get another name and their own back. The traces are remembered as they were before a comparison; while they are others
-- than those, the repository must be compared.

-- What had other parameters in an earlier version.
drop function if exists turnout.verified(text, text), turnout.traces(regclass);

-- The traces of a table and of its partitions: which tables and files they are, the triggers of capture on them, with the columns that
-- are noted of a row, and whether each has all of these triggers and they fire always.
create or replace function turnout.traces(
    target regclass, columns text[], out files text, out triggers text, out captured boolean
)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select string_agg(concat_ws(' ', relation.oid, pg_relation_filenode(relation.oid)), ',' order by relation.oid),
        concat_ws(
            ',', string_agg(concat_ws(' ', relation.oid, firing.triggers), ',' order by relation.oid),
            (select string_agg(concat_ws(' ', attname, xmin), ',' order by attnum)
                from pg_attribute where attrelid = target and attname = any(columns))
        ),
        -- Changes of the key are captured row by row, on the partitions only.
        bool_and(coalesce(
            firing.always @> case relation.relkind when 'p' then '{move}' else '{update,key}' end::text[]
                and firing.always @> '{insert,delete,truncate}',
            false
        ))
    from (select relid from pg_partition_tree(target) union select target) as part
    join pg_class as relation on relation.oid = part.relid
    left join lateral (
        select string_agg(concat_ws(' ', tgname, tgenabled, xmin), ' ' order by tgname) as triggers,
            array_agg(substr(tgname, length('turnout_captured_') + 1)) filter (where tgenabled = 'A') as always
        from pg_trigger
        where tgrelid = relation.oid and not tgisinternal and tgname like 'turnout\_captured\_%'
    ) as firing on true
$$;

-- The tables served whose capture has or may have had a gap, each with what is known of it: `missing` (there is no such table),
-- `without` with the names of columns of the key or the subject that it lacks, `uncaptured` (triggers are missing or do not fire always), `never` (not compared since it is captured), `replaced` (truncated,
-- rewritten, swapped or restored) or `switched` (its triggers were).
create or replace function turnout.gaps() returns table (number smallint, schema_name text, table_name text, gap text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select served.number, served.schema_name, served.table_name, found.gap
    from turnout.repository as served
    cross join lateral to_regclass(format('%I.%I', served.schema_name, served.table_name)) as target (relation)
    left join lateral turnout.traces(target.relation, served.key || served.subject) as traces on true
    cross join lateral (
        select string_agg(name, ', ') as names from unnest(served.key || served.subject) as name
        where name not in (select attname from pg_attribute where attrelid = target.relation)
    ) as lacking
    cross join lateral (select case
        when target.relation is null then 'missing'
        when lacking.names is not null then 'without ' || lacking.names
        when not traces.captured then 'uncaptured'
        when served.compared_files is null then 'never'
        when served.compared_files <> traces.files then 'replaced'
        when served.compared_triggers <> traces.triggers then 'switched'
    end) as found (gap)
    where found.gap is not null
$$;

-- To be asked before both sides of a table are compared: its traces now. Triggers that fire, but not always, do so again: `alter
-- table … enable trigger all` leaves them like that.
create or replace function turnout.before_comparison(in_schema text, in_table text) returns table (files text, triggers text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
declare
    target regclass := to_regclass(format('%I.%I', in_schema, in_table));
    fired record;
begin
    for fired in
        select tgrelid::regclass as relation, tgname
        from (select relid from pg_partition_tree(target) union select target) as part
        join pg_trigger on tgrelid = part.relid
        where not tgisinternal and tgname like 'turnout\_captured\_%' and tgenabled = 'O'
    loop
        begin
            execute format('alter table only %s enable always trigger %I', fired.relation, fired.tgname);
        -- Then it stays a gap, and `turnout check` says what to do.
        exception when insufficient_privilege or lock_not_available then null;
        end;
    end loop;
    return query
        select traces.files, traces.triggers
        from turnout.repository as served, turnout.traces(target, served.key || served.subject) as traces
        where served.schema_name = in_schema and served.table_name = in_table;
end $$;

-- Notes that both sides of a table have been compared, with its traces from before; with null that they must be, also if it looks
-- again as it did.
create or replace function turnout.compared(in_schema text, in_table text, files text, triggers text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.repository set compared_files = compared.files, compared_triggers = compared.triggers
    where schema_name = in_schema and table_name = in_table
$$;
