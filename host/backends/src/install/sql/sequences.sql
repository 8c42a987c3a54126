-- The sequences that number the rows of the tables served. While one side alone can insert into a repository, its sequences count as
-- the application made them. While both sides can, the sequences of both sides are set apart: their steps are doubled, and each side
-- hands out every second number, so that no number is handed out twice. The host says when: `turnout.numbering` tells how the
-- sequences count, `turnout.count_on` changes that.

-- The sequences that are set apart: the step that the application gave them, and the number that every side was past when they were
-- set apart (null if an earlier version of Turnout did it).
create table if not exists turnout.sequence (
    name text primary key,
    increment bigint not null,
    floor bigint
);
-- What an earlier version kept there. Said once: it locks the table.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'turnout.sequence'::regclass and attname = 'parity' and not attisdropped
    ) then
        alter table turnout.sequence drop column parity, add column if not exists floor bigint;
    end if;
end $$;
-- An earlier version knew these instead.
drop function if exists turnout.highest_number(text, text);
drop function if exists turnout.number_above(text, text, bigint);
drop function if exists turnout.interleave(text, regclass, text, text);

-- The sequences that number the rows of a table, each with its column: those of identity columns, and those that a default names. A
-- sequence that a column owns counts too where no default names another.
create or replace function turnout.sequences_of(target regclass) returns table (column_name name, sequence regclass)
language sql stable set search_path = pg_catalog, pg_temp
as $$
    with reference as (
        select attribute.attname, named.refobjid as sequence, true as fills
        from pg_attribute as attribute
        join pg_attrdef as fallback on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
        join pg_depend as named on named.classid = 'pg_attrdef'::regclass and named.objid = fallback.oid
            and named.refclassid = 'pg_class'::regclass
        where attribute.attrelid = target
        union
        select attribute.attname, owned.objid, owned.deptype = 'i'
        from pg_attribute as attribute
        join pg_depend as owned on owned.classid = 'pg_class'::regclass and owned.refclassid = 'pg_class'::regclass
            and owned.refobjid = attribute.attrelid and owned.refobjsubid = attribute.attnum and owned.deptype in ('a', 'i')
        where attribute.attrelid = target
    )
    select distinct one.attname, one.sequence::regclass
    from reference as one
    join pg_class on pg_class.oid = one.sequence and relkind = 'S'
    where one.fills or not exists (
        select from reference as other
        join pg_class on pg_class.oid = other.sequence and relkind = 'S'
        where other.attname = one.attname and other.fills
    )
$$;

-- The furthest number of a sequence that stands in a column: the highest, or the lowest where the sequence counts down. Null where
-- the column holds no whole numbers, where no index leads to that number, or where policies hide rows: there the numbers that the
-- sequences have handed out must do. A number that need not be unique has no such index and can't collide.
create or replace function turnout.furthest_row(target regclass, column_name name, described pg_sequence) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp set row_security = off
as $$
declare
    found bigint;
begin
    if not exists (
        select from pg_attribute as attribute
        join pg_type as type on type.oid = attribute.atttypid
        join pg_index on indrelid = attribute.attrelid and indkey[0] = attribute.attnum and indisvalid and indpred is null
        join pg_class as index on index.oid = indexrelid
        join pg_am as method on method.oid = index.relam and method.amname = 'btree'
        where attribute.attrelid = target and attribute.attname = furthest_row.column_name
            and coalesce(nullif(type.typbasetype, 0), type.oid)
                in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
    ) then
        return null;
    end if;
    execute format(
        'select %1$s(%2$I) from %3$s where %2$I between %4$s and %5$s',
        case when described.seqincrement > 0 then 'max' else 'min' end, column_name, target,
        described.seqmin, described.seqmax
    ) into found;
    return found;
exception when insufficient_privilege then
    return null;
end $$;

-- How the sequences of all tables served count: the step that the application gave them, the step they have, their start, the next
-- number, the furthest number used (also by rows, if asked for), whether they are set apart and past which number, and what keeps
-- them from being set apart, in words.
create or replace function turnout.numbering(with_rows boolean)
returns table (
    schema_name text, table_name text, sequence text, column_name text, own_step bigint, step bigint, start bigint, upcoming bigint,
    furthest bigint, is_apart boolean, floor bigint, obstacle text
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    counted record;
    described pg_sequence;
    last_value bigint;
    is_called boolean;
    row_value bigint;
begin
    for counted in
        select served.schema_name, served.table_name, one.column_name, one.sequence, one.target, known.name is not null as is_apart,
            known.increment, known.floor, relowner
        from turnout.repository as served
        join lateral (
            select to_regclass(format('%I.%I', served.schema_name, served.table_name)) as target, found.*
            from turnout.sequences_of(to_regclass(format('%I.%I', served.schema_name, served.table_name))) as found
        ) as one on true
        join pg_class on pg_class.oid = one.sequence
        left join turnout.sequence as known on known.name = one.sequence::text
        order by served.number, one.column_name
    loop
        select * into strict described from pg_sequence where seqrelid = counted.sequence;
        schema_name := counted.schema_name;
        table_name := counted.table_name;
        column_name := counted.column_name;
        sequence := counted.sequence;
        own_step := coalesce(counted.increment, described.seqincrement);
        step := described.seqincrement;
        start := described.seqstart;
        is_apart := counted.is_apart;
        floor := counted.floor;
        upcoming := null;
        furthest := null;
        obstacle := case
            when not pg_has_role(counted.relowner, 'usage') then format(
                'it belongs to the role %I; say `alter sequence %s owner to %I`', pg_get_userbyid(counted.relowner),
                counted.sequence, current_user
            )
            when described.seqcycle then 'it starts anew at its end (cycle)'
        end;
        begin
            execute format('select last_value, is_called from %s', counted.sequence) into strict last_value, is_called;
            upcoming := case
                when not is_called then last_value
                when last_value::numeric + step between described.seqmin and described.seqmax then last_value + step
                else last_value
            end;
            furthest := case
                when is_called then last_value
                when last_value::numeric - own_step between -9223372036854775808 and 9223372036854775807 then last_value - own_step
                else last_value
            end;
            if with_rows then
                row_value := turnout.furthest_row(counted.target, counted.column_name, described);
                furthest := case when step > 0 then greatest(furthest, row_value) else least(furthest, row_value) end;
            end if;
        exception when insufficient_privilege then
            obstacle := coalesce(obstacle, format('the role %I may not read it', current_user));
        end;
        return next;
    end loop;
end $$;

-- The sessions whose transactions have taken numbers from a sequence: its step can't be changed until they end.
create or replace function turnout.holders_of(sequence regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(distinct format(
        'session %s%s%s%s', pid, ' of role ' || usename, ' (' || nullif(application_name, '') || ')',
        ', in a transaction since ' || to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS')
    ), ', ')
    from pg_locks left join pg_stat_activity using (pid)
    where relation = sequence and locktype = 'relation' and granted and pid <> pg_backend_pid()
$$;

-- Has sequences count in other steps, on from the first number beyond all that are used, under an epoch that must still be let in
-- here. The plan has for each its `sequence`, the step `own` that the application gave it, the `step` to take from now on, the
-- `modulus` and `class` of the numbers to hand out, the number `beyond` which to go on, and whether it is `apart` from the other
-- side's then. Answers for each with the furthest number that it had handed out, or what kept it from being changed; it is held if
-- it can be changed once other transactions have ended. It waits for no other transaction for long, as those that ask for numbers
-- would queue behind it; and for one only.
create or replace function turnout.count_on(epoch bigint, plan json)
returns table (sequence text, furthest bigint, problem text, is_held boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
#variable_conflict use_column
declare
    one record;
    last_value bigint;
    is_called boolean;
    reached numeric;
    upcoming numeric;
begin
    if not pg_try_advisory_xact_lock_shared(turnout.lock_class(), count_on.epoch::integer)
        or turnout.lowest_epoch() > count_on.epoch
    then
        raise exception using errcode = 'TN001', message = 'turnout: epoch ' || count_on.epoch || ' is over';
    end if;
    perform turnout.outlive_a_crash();
    is_held := false;
    for one in
        select * from json_to_recordset(plan) as entry (
            sequence text, own bigint, step bigint, modulus bigint, class bigint, beyond bigint, apart boolean
        )
    loop
        sequence := one.sequence;
        furthest := null;
        problem := null;
        if is_held then
            problem := 'another sequence is held';
            return next;
            continue;
        end if;
        begin
            -- Nothing is handed out after this until the end of the transaction.
            execute format('alter sequence %s increment by %s', one.sequence::regclass, one.step);
            execute format('select last_value, is_called from %s', one.sequence::regclass) into strict last_value, is_called;
            reached := case when is_called then last_value else last_value::numeric - one.own end;
            furthest := greatest(least(reached, 9223372036854775807), -9223372036854775808);
            if one.step > 0 then
                reached := greatest(reached, one.beyond);
                upcoming := reached + 1 + mod(mod(one.class - reached - 1, one.modulus) + one.modulus, one.modulus);
            else
                reached := least(reached, one.beyond);
                upcoming := reached - 1 - mod(mod(reached - 1 - one.class, one.modulus) + one.modulus, one.modulus);
            end if;
            execute format('alter sequence %s restart with %s', one.sequence::regclass, upcoming);
            if one.apart then
                insert into turnout.sequence as known (name, increment, floor)
                values (one.sequence, one.own, greatest(least(reached, 9223372036854775807), -9223372036854775808))
                on conflict (name) do update set floor = excluded.floor;
            else
                delete from turnout.sequence where name = one.sequence;
            end if;
        exception
            when lock_not_available then
                is_held := true;
                problem := coalesce(turnout.holders_of(one.sequence::regclass) || ' took numbers from it', 'it is locked');
            when others then
                problem := sqlerrm;
        end;
        return next;
    end loop;
end $$;

-- Gives the sequences that are set apart back their own steps, above the numbers of their columns and all that they handed out.
create or replace function turnout.leave_sequences() returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    counted record;
    reached bigint;
    last_value bigint;
    is_called boolean;
begin
    for counted in
        select numbered.sequence, numbered.own_step,
            case when numbered.own_step > 0 then max(numbered.furthest) else min(numbered.furthest) end as furthest
        from turnout.numbering(true) as numbered
        where numbered.is_apart
        group by numbered.sequence, numbered.own_step
    loop
        execute format('alter sequence %s increment by %s', counted.sequence, counted.own_step);
        execute format('select last_value, is_called from %s', counted.sequence) into strict last_value, is_called;
        reached := case when is_called then last_value else last_value - counted.own_step end;
        reached := case
            when counted.own_step > 0 then greatest(counted.furthest, reached) else least(counted.furthest, reached)
        end;
        execute format('alter sequence %s restart with %s', counted.sequence, reached + counted.own_step);
        return next format('sequence %s counts in steps of %s again', counted.sequence, counted.own_step);
    end loop;
end $$;
