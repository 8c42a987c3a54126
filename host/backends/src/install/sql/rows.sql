-- Reading, putting and removing rows. The functions of a table are written for its columns, as its capture is: PostgreSQL plans a
-- query once if the query stays the same, and planning takes longer than running it. They are written anew when the table's shape
-- changes. Each runs what the application has put on the table (index expressions, checks, triggers) with the search_path that the
-- application's own sessions have: `set local search_path to default` lasts until the function ends, as the function pins that setting.

-- What an earlier version of the installation had under these names with other parameters or results.
drop function if exists turnout.put_shape(regclass, json), turnout.fresh_rows(regclass, text[], json), turnout.put(smallint, json), turnout.put(smallint, json, text),
    turnout.write_putter(smallint, regclass, text[], json);
do $$
declare
    earlier regprocedure;
begin
    for earlier in
        select oid from pg_proc
        where pronamespace = 'turnout'::regnamespace
            and (proname ~ '^taken?(_\d+)?$' and prorettype <> 'json'::regtype
                or proname ~ '^put_\d+$' and prorettype <> 'json[]'::regtype)
    loop
        execute 'drop function ' || earlier;
    end loop;
end $$;

-- What the generated functions of a table depend on: its columns, its foreign keys and those that refer to it, and its deferrable
-- unique constraints. Volatile, so that it sees what was committed while the caller waited for a lock.
create or replace function turnout.shape(target regclass) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    return concat_ws(';', (
        select string_agg(concat_ws(' ', attname, atttypid, atttypmod, attgenerated, attidentity), ',' order by attnum)
        from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
    ), (
        select string_agg(oid::text, ',' order by oid) from pg_constraint
        where contype = 'f' and (conrelid = target or confrelid = target)
            or conrelid = target and condeferrable and contype in ('p', 'u', 'x')
    ));
end $$;

-- Whether a table still has this shape; the caller holds a lock on the table. Called with constants this costs nothing: PostgreSQL
-- evaluates a function that is declared immutable when it makes a plan, and makes the plan anew once the table has changed.
create or replace function turnout.has_shape(target regclass, expected text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$ begin return turnout.shape(target) = expected; end $$;

-- An SQL expression for the text of a value as its type writes it. A cast of character(n) to text would strip the padding.
create or replace function turnout.text_of(value text, type oid) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    with recursive base (oid, typbasetype) as (
        select oid, typbasetype from pg_type where oid = type
        union all
        select pg_type.oid, pg_type.typbasetype from base join pg_type on pg_type.oid = base.typbasetype
    )
    select case
        when exists (select from base where base.oid = 'bpchar'::regtype)
        then format('case when %1$s is not null then concat(%1$s) end', value)
        else value || '::text'
    end
$$;

-- Writes the function that gives an applier the dirty keys of a table, with the rows as they are: an object with `repository`,
-- `seen`, the snapshot that the rows were read in, and `keys`. It returns null if the shape of the table is another by now. Of rows
-- that together pass 32 MB only the first are given; a row of more than 100 MB is not read, and its key says `too_large`.
create or replace function turnout.write_reader(of_table smallint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    served turnout.repository := (select r from turnout.repository as r where number = of_table);
    target regclass := format('%I.%I', served.schema_name, served.table_name)::regclass;
    -- Read before the columns are: if they change meanwhile, the shape differs.
    shape text := turnout.shape(target);
    entries text := format($entries$
            select key, array_agg(distinct subject) as subjects, array_agg(ctid::text) as entries,
                array_agg(distinct xid::text::bigint) as xids, min(epoch) as epoch, bool_or(not behind) as own, min(at) as since
            from turnout.dirty where ctid = any(places) and repository = %s
            group by key
        $entries$, of_table);
    wanted text := format('json_to_record(dirty.key::json) as wanted (%s)', (
        select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
        from pg_attribute where attrelid = target and attname = any(served.key)
    ));
    matches text := (select string_agg(format('found.%1$I = wanted.%1$I', name), ' and ') from unnest(served.key) as name);
    -- The length of the texts is known without reading them. Of other values only the stored size is, compressed or not.
    weighed text := format(
        $weighed$, weighed as (
            select dirty.*, %1$s as bytes
            from dirty cross join lateral %2$s left join %3$s as found on (%4$s)
        ), chosen as (
            select weighed.*, bytes > 100000000 as too_large,
                sum(case when bytes > 100000000 then 0 else bytes end) over (order by since, key) as bytes_so_far
            from weighed
        ), dirty_and_small as (
            select * from chosen where too_large or bytes_so_far - bytes < 32000000
        )$weighed$,
        coalesce((
            select string_agg(format(
                case when atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'bytea'::regtype)
                    then 'coalesce(octet_length(found.%I), 0)::bigint' else 'coalesce(pg_column_size(found.%I), 0)::bigint * 4'
                end, attname
            ), ' + ')
            from pg_attribute where attrelid = target and attnum > 0 and not attisdropped and attlen = -1
        ), '0::bigint'),
        wanted, target, matches
    );
    read text := format(
        $read$select json_build_object(
            'repository', %1$s, 'seen', pg_current_snapshot()::text, 'keys', coalesce(json_agg(json_build_object(
                'key', dirty.key::json, 'subjects', dirty.subjects, %2$s,
                'row', case when found.%3$I is not null then (select row_to_json(shown.*) from (select %4$s) as shown) end,
                'too_large', dirty.too_large,
                'entries', dirty.entries, 'xids', dirty.xids, 'epoch', dirty.epoch, 'own', dirty.own, 'held', dirty.held,
                'attempts', dirty.attempts,
                'age_ms', (extract(epoch from clock_timestamp() - dirty.since) * 1000)::bigint
            )), '[]')
        )
        into strict part
        from $read$,
        of_table,
        -- An entry that was not taken with these may be the one that names the subject of the row as it is now.
        case when served.subject is null then '''whose'', null, ''is_named_later'', false' else format(
            $whose$'whose', found.%2$I::text, 'is_named_later', found.%1$I is not null
                and array_position(dirty.subjects, found.%2$I::text) is null and exists (
                    select from turnout.dirty as later
                    where later.repository = %3$s and later.key = dirty.key and later.subject is not distinct from found.%2$I::text
                )$whose$,
            served.key[1], served.subject, of_table
        ) end,
        served.key[1],
        (select string_agg(turnout.text_of(format('found.%I', attname), atttypid) || format(' as %I', attname), ', ' order by attnum)
            from pg_attribute where attrelid = target and attnum > 0 and not attisdropped)
    );
    with_rows text := format(
        ' as dirty cross join lateral %s left join %s as found on (%s) and not dirty.too_large', wanted, target, matches
    );
    light text := read || '(select *, false as too_large from dirty)' || with_rows;
    heavy text := weighed || read || 'dirty_and_small' || with_rows;
    held text := format($held$with entry as (%1$s), waiting as (
            -- Those that are due, and others beside: two rows that swap a unique value can only be applied together.
            select * from turnout.held
            where is_due and repository = %2$s and parked_at is null and key not in (select key from entry)
            order by due limit greatest(batch, 1000)
        ), dirty as (
            select key, entry.subjects || held.subjects as subjects, entry.entries,
                entry.xids || held.xids as xids, least(entry.epoch, held.epoch) as epoch,
                entry.own or coalesce(not held.behind, false) as own, held.key is not null as held,
                coalesce(held.attempts, 0) as attempts, least(entry.since, held.since) as since
            from entry left join (select * from turnout.held where repository = %2$s) as held using (key)
            union all
            select key, subjects, '{}', xids, epoch, not behind, true, attempts, since from waiting
        )$held$, entries, of_table);
    fresh text := format('with dirty as (select *, false as held, 0 as attempts from (%s) as entry)', entries);
begin
    execute format($template$
create or replace function turnout.taken_%1$s(places tid[], holding boolean, is_due boolean, batch integer) returns json
-- Each row is looked up once: to remember them costs a seventh of the time.
language plpgsql volatile set search_path = pg_catalog, pg_temp %9$s
as $body$
#variable_conflict use_column
declare
    part json;
    -- A row without a part in TOAST is smaller than a page, and as many as are taken at once are small together.
    is_light boolean := %4$s;
begin
    lock table only %2$s in access share mode;
    if not turnout.has_shape(%2$L::regclass, %3$L) then
        return null;
    end if;
    set local search_path to default;
    if holding and is_light then
        %5$s %7$s;
    elsif holding then
        %5$s %8$s;
    elsif is_light then
        %6$s %7$s;
    else
        %6$s %8$s;
    end if;
    return part;
end $body$
        $template$,
        of_table, target, shape,
        case when (select relkind = 'p' from pg_class where oid = target) then 'false' else format(
            '(select reltoastrelid = 0 or pg_relation_size(reltoastrelid) = 0 from pg_class where oid = %L::regclass)', target
        ) end,
        held, fresh, light, heavy,
        -- PostgreSQL 13 has nothing of the kind.
        case when current_setting('enable_memoize', true) is not null then 'set enable_memoize = off' end
    );
    execute format('revoke all on function turnout.taken_%s from public', of_table);
end $outer$;


-- The foreign keys of a table and those that refer to it, with their columns in pairs.
create or replace function turnout.foreign_keys(target regclass)
returns table (
    name name, child regclass, parent regclass, on_delete "char", child_columns text[], parent_columns text[]
)
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select conname, conrelid::regclass, confrelid::regclass, confdeltype,
        array(
            select attname::text from unnest(conkey) with ordinality as part (number, place)
            join pg_attribute on attrelid = conrelid and attnum = number order by place
        ),
        array(
            select attname::text from unnest(confkey) with ordinality as part (number, place)
            join pg_attribute on attrelid = confrelid and attnum = number order by place
        )
    from pg_constraint
    where contype = 'f' and conparentid = 0 and (conrelid = target or confrelid = target)
        and has_table_privilege(conrelid, 'SELECT') and has_table_privilege(confrelid, 'SELECT')
    order by conname
$$;

-- SQL for two tables, by their aliases, having the same values in these columns.
create or replace function turnout.same(a text, a_columns text[], b text, b_columns text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%I.%I = %I.%I', a, a_column, b, b_column), ' and ')
    from unnest(a_columns, b_columns) as pair (a_column, b_column)
$$;

-- Checks that PostgreSQL makes by triggers, which are silent while the mirror writes: SQL that raises an error if one of the rows `sent`
-- has the values of another row in a deferrable unique or exclusion constraint. `is_present` joins the rows sent to the table.
create or replace function turnout.deferred_checks(target regclass, key text[], sent text, is_present text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format($check$
        if exists (
            select from %1$s join %2$s as present on %3$s join %2$s as other on %4$s and (%5$s)
        ) then
            raise exception using errcode = %6$L, constraint = %7$L, message = 'turnout: another row has these values';
        end if;$check$,
        sent, target, is_present, (
            select string_agg(
                format('present.%1$I %2$s other.%1$I', attname, case contype when 'x' then (
                    select format('operator(%I.%s)', nspname, oprname) from pg_operator
                    join pg_namespace on pg_namespace.oid = oprnamespace where pg_operator.oid = conexclop[place]
                ) else '=' end), ' and ')
            from unnest(conkey) with ordinality as part (number, place)
            join pg_attribute on attrelid = conrelid and attnum = number
        ),
        (select string_agg(format('present.%1$I is distinct from other.%1$I', name), ' or ') from unnest(key) as name),
        case contype when 'x' then '23P01' else '23505' end, conname
    ), '')
    from pg_constraint
    where conrelid = target and condeferrable and contype in ('p', 'u', 'x') and 0 <> all(conkey)
$$;

-- Writes the function that makes a table hold rows with these columns, a JSON array of names. The function is given the rows, a JSON array
-- of objects whose values are texts; the names; for each row an array of the subjects that the row may have here, or null if it may only have
-- its own, or null for all of them; and whether triggers are silent. It returns remarks, JSON objects with the `place` of a row (from 1), `state` and `reason`:
--   TN006  the row that is here belongs to another subject; it was left alone;
--   TN007  the row is here, and these of its columns came out otherwise than they were given;
--   23503  the row is here, and by this constraint it refers to a row that is not. Only if triggers are silent; else PostgreSQL checks it.
-- It raises TN005 if the rows have other columns, or if the shape of the table is another by now.
create or replace function turnout.write_putter(of_table smallint, target regclass, key text[], subject text, named json)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    -- Read before the columns are: if they change meanwhile, the shape differs.
    shape text := turnout.shape(target);
    names text[] := array(select json_array_elements_text(named));
    missing text := (
        select string_agg(name, ', ') from unnest(names) as name
        where not exists (
            select from pg_attribute where attrelid = target and attname = name and attnum > 0 and not attisdropped
        )
    );
    -- The columns of the rows that are sent are called c1, c2, …; of the rows as written the texts t1, t2, …, the key k1, k2, ….
    sent text := format(
        'rows from (json_to_recordset($1) as (%s), json_array_elements($3)) with ordinality as sent (%s, subjects, place)',
        (select string_agg(format('%I text', name), ', ' order by place) from unnest(names) with ordinality as n (name, place)),
        (select string_agg('c' || place, ', ' order by place) from unnest(names) with ordinality as n (name, place))
    );
    columns record;
    parents record;
    body text;
begin
    with part as (
        select attname as name, place, attname = any(key) as is_key, attgenerated = '' as is_written, attidentity <> 'a' as may_change,
            format('sent.c%s', place) as given, format('sent.c%s::%s', place, format_type(atttypid, -1)) as typed,
            turnout.text_of(format('present.%I', attname), atttypid) as present
        from unnest(names) with ordinality as n (name, place)
        join pg_attribute on attrelid = target and attname = n.name and attnum > 0 and not attisdropped
    )
    select
        string_agg(format('%I', name), ', ' order by place) filter (where is_written) as inserted,
        string_agg(typed, ', ' order by place) filter (where is_written) as typed,
        string_agg(format('%1$I = excluded.%1$I', name), ', ') filter (where is_written and may_change and not is_key) as updated,
        string_agg(given, ', ' order by place) as given,
        string_agg(format('%s as t%s', present, place), ', ' order by place) as returned,
        string_agg('written.t' || place, ', ' order by place) as written,
        string_agg(format('case when %s is distinct from written.t%s then %L end', given, place, name), ', ' order by place)
            as written_otherwise,
        string_agg(present, ', ' order by place) as present,
        string_agg(format('case when %s is distinct from %s then %L end', given, present, name), ', ' order by place)
            as present_otherwise,
        string_agg(format('present.%I as k%s', name, place), ', ' order by place) filter (where is_key) as returned_key,
        min('written.k' || place) filter (where is_key) as written_key,
        string_agg(format('written.k%s = %s', place, typed), ' and ') filter (where is_key) as is_written,
        string_agg(format('present.%I = %s', name, typed), ' and ') filter (where is_key) as is_present,
        string_agg(typed, ', ' order by place) filter (where is_key) as typed_key,
        string_agg(format('excluded.%I', name), ', ' order by place) filter (where is_key) as excluded_key,
        min(given) filter (where name = subject) as given_subject
    into columns from part;

    -- A parent is locked as PostgreSQL's own check locks it, so that it stays until this transaction ends.
    select
        coalesce(string_agg(format(
            ' left join lateral (select true as is_there from %s as parent where $4 and %s%s) as parent_%s on true',
            parent, (
                select string_agg(format('parent.%I = written.f%s_%s', column_name, number, n), ' and ')
                from unnest(parent_columns) with ordinality as c (column_name, n)
            ),
            case when has_table_privilege(parent, 'UPDATE') then ' for key share' end, number
        ), ''), '') as joined,
        coalesce(string_agg((
            select string_agg(format(', present.%I as f%s_%s', column_name, number, n), '')
            from unnest(child_columns) with ordinality as c (column_name, n)
        ), ''), '') as returned,
        'case' || string_agg(format(
            ' when $4 and %s and parent_%s.is_there is null then %L', (
                select string_agg(format('written.f%s_%s is not null', number, n), ' and ')
                from unnest(child_columns) with ordinality as c (column_name, n)
            ), number, name
        ), '') || ' end' as missing
    into parents
    from (
        select row_number() over (order by name) as number, * from turnout.foreign_keys(target) where child = target
    ) as foreign_key;

    if missing is not null then
        body := format(
            'raise exception using errcode = ''42703'', column = %L, message = ''turnout: columns of the other side are missing'';', missing
        );
    else
        body := format($body$set local search_path to default;
    with sent as materialized (select * from %1$s), %21$swritten as (
        insert into %2$s as present (%3$s) overriding system value
        select %4$s from sent order by place
        on conflict (%5$s) do %6$s
        returning %7$s, %8$s%9$s
    )
    select array_agg(json_build_object('place', place, 'state', state, 'reason', reason) order by place) into remarks
    from (
        select sent.place, coalesce(missing_parent, %10$s) as reason,
            case
                when sent.place is null then 'key'
                when %11$s then 'TN006'
                when missing_parent is not null then '23503'
                when $4 and row(%12$s) is distinct from row(%13$s) then 'TN007'
            end as state
        from sent full join written on %14$s%15$s
        cross join lateral (select %16$s::text as missing_parent) as parents
    ) as remark
    where state is not null;
    if exists (select from unnest(remarks) as remark where remark ->> 'state' = 'key') then
        raise exception using errcode = 'TN007', message = 'turnout: a key came out otherwise than it was given';
    end if;
    if exists (select from unnest(remarks) as remark where remark ->> 'state' = 'TN006') then
        -- A row that is equal already need not be anybody's.
        remarks := array(
            select remark from unnest(remarks) as remark
            where not exists (
                select from %1$s join %2$s as present on %19$s
                where sent.place = (remark ->> 'place')::bigint and remark ->> 'state' = 'TN006'
                    and row(%12$s) is not distinct from row(%20$s)
            )
        );
    end if;
    if $4 then%17$s
        return remarks;
    end if;
    -- Triggers that ran after the statement may have changed the rows.
    return remarks || array(
        select json_build_object('place', sent.place, 'state', 'TN007', 'reason', array_to_string(array[%18$s], ', '))
        from %1$s join %2$s as present on %19$s
        where row(%12$s) is distinct from row(%20$s)
            and not exists (select from unnest(remarks) as remark where (remark ->> 'place')::bigint = sent.place)
        order by sent.place
    );$body$,
            sent, target, columns.inserted, columns.typed,
            (select string_agg(format('%I', name), ', ') from unnest(key) as name),
            case when columns.updated is null then 'nothing' else 'update set ' || columns.updated || case
                when columns.given_subject is null then '' else format($owner$
        where $3 is null and present.%1$I::text is not distinct from excluded.%1$I::text
            or (%2$s, coalesce('=' || present.%1$I::text, '')) in (table allowed)$owner$, subject, columns.excluded_key)
            end end,
            columns.returned_key, columns.returned, parents.returned,
            format('array_to_string(array[%s], '', '')', columns.written_otherwise),
            -- Where there is nothing to update, a row that is here already is not returned.
            case when columns.updated is null then 'false' else columns.written_key || ' is null' end,
            columns.given, columns.written, columns.is_written, parents.joined, coalesce(parents.missing, 'null'),
            coalesce(turnout.deferred_checks(target, key, sent, columns.is_present), ''),
            columns.present_otherwise, columns.is_present, columns.present,
            -- The subjects that the row of each key may have here.
            case when columns.given_subject is null then '' else format($allowed$allowed as materialized (
        select %1$s, coalesce('=' || named, '')
        from sent cross join lateral (
            select %2$s where coalesce(json_typeof(sent.subjects), 'null') = 'null'
            union all
            select value from json_array_elements_text(case json_typeof(sent.subjects) when 'array' then sent.subjects end) as e (value)
        ) as n (named)
        where $3 is not null
    ), $allowed$, columns.typed_key, columns.given_subject) end
        );
    end if;
    execute format($template$
create or replace function turnout.put_%1$s(json, text, json, boolean) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
#variable_conflict use_column
declare
    remarks json[];
begin
    lock table only %2$s in row exclusive mode;
    if $2 <> %3$L or not turnout.has_shape(%2$L::regclass, %4$L) then
        raise exception using errcode = 'TN005', message = 'turnout: the columns of the table have changed';
    end if;
    %5$s
end $body$
        $template$, of_table, target, named, shape, body);
    execute format('revoke all on function turnout.put_%s from public', of_table);
    update turnout.repository set put_as = shape || named::text where number = of_table;
end $outer$;

-- Writes the function that removes rows of a table. The function is given keys, a JSON array of objects; for each an array of the subjects
-- that the row may have here; and whether rows stay that others refer to, which PostgreSQL checks only if triggers are not silent. It returns
-- remarks as the putter does:
--   TN006  the row that is here belongs to another subject; it was left alone;
--   23503  the row is still here, as by this constraint other rows refer to it that are not removed with it.
-- Rows that PostgreSQL would go on to (cascades) are keys of their own: they go first, or they are meant to stay. Where triggers are
-- not silent, PostgreSQL itself goes on to the rows of tables that are not served.
create or replace function turnout.write_remover(of_table smallint, target regclass, key text[], subject text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $outer$
declare
    shape text := turnout.shape(target);
    gone text := format(
        'rows from (json_to_recordset($1) as (%s), json_array_elements($2)) with ordinality as gone (%s, subjects, place)',
        (select string_agg(format('%I %s', name, format_type(atttypid, -1)), ', ' order by place)
            from unnest(key) with ordinality as n (name, place) join pg_attribute on attrelid = target and attname = name),
        (select string_agg('k' || place, ', ' order by place) from unnest(key) with ordinality as n (name, place))
    );
    matches text := (
        select string_agg(format('present.%I = gone.k%s', name, place), ' and ') from unnest(key) with ordinality as n (name, place)
    );
    is_own text := case when subject is null then 'true' else format(
        'gone.subjects::jsonb @> coalesce(to_jsonb(present.%I::text), ''null'')', subject
    ) end;
    children record;
begin
    select
        coalesce(string_agg(format(' and not (%s and %s)', applies, referring), ''), '') as none,
        'case' || string_agg(format(' when %s and %s then %L', applies, referring, name), '') || ' end' as some,
        coalesce(string_agg(format($check$
        if exists (select from unnest(removed) as present join %s as child on %s) then
            raise exception using errcode = '23503', constraint = %L, message = 'turnout: a row refers to one that was removed';
        end if;$check$, child, turnout.same('child', child_columns, 'present', parent_columns), name), ''), '') as checks
    into children
    from (
        select name, child, child_columns, parent_columns,
            case
                when on_delete in ('c', 'n', 'd') and child in (
                    select to_regclass(format('%I.%I', schema_name, table_name)) from turnout.repository
                ) then 'true' else '$3'
            end as applies,
            format(
                'exists (select from %s as child where %s%s)',
                child, turnout.same('child', child_columns, 'present', parent_columns),
                case when child = target then format(
                    ' and not exists (select from gone as also where %s)',
                    (select string_agg(format('child.%I = also.k%s', k.name, place), ' and ')
                        from unnest(key) with ordinality as k (name, place))
                ) else '' end
            ) as referring
        from turnout.foreign_keys(target) where parent = target
    ) as foreign_key;

    execute format($template$
create or replace function turnout.remove_%1$s(json, json, boolean) returns json[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $body$
#variable_conflict use_column
declare
    removed %2$s[];
    remarks json[];
begin
    lock table only %2$s in row exclusive mode;
    if not turnout.has_shape(%2$L::regclass, %3$L) then
        raise exception using errcode = 'TN005', message = 'turnout: the columns of the table have changed';
    end if;
    set local search_path to default;
    %10$swith gone as materialized (select * from %4$s), deleted as (
        delete from %2$s as present using gone where %5$s and %6$s%7$s returning present.*
    )
    select array_agg(row(deleted.*)::%2$s) into removed from deleted;
    with gone as materialized (select * from %4$s)
    select array_agg(json_build_object('place', gone.place, 'state', case when %6$s then '23503' else 'TN006' end, 'reason', case when %6$s then %8$s end)
        order by gone.place) into remarks
    from gone join %2$s as present on %5$s;
    if $3 then
        -- What was committed while this waited for a lock.
        null;%9$s
    end if;
    return remarks;
end $body$
        $template$,
        of_table, target, shape, gone, matches, is_own, children.none, coalesce(children.some, 'null'), children.checks,
        -- A cascade would take rows that come to refer to these rows meanwhile. With this lock they can't, and the next statement sees those
        -- that came before.
        case when children.none <> '' then format(
            'if not $3 then perform from %s join %s as present on %s for update of present; end if;' || E'\n    ', gone, target, matches
        ) end);
    execute format('revoke all on function turnout.remove_%s from public', of_table);
    update turnout.repository set remove_as = shape where number = of_table;
end $outer$;

-- Whether rows are left that refer to removed rows with these keys, a JSON array of objects. Only foreign keys to the key itself are looked
-- at; where there are others, the answer is that there may be.
create or replace function turnout.are_parents(target regclass, key text[], keys json) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    reference record;
    found boolean;
begin
    for reference in select * from turnout.foreign_keys(target) where parent = target loop
        if not reference.parent_columns <@ key then
            return true;
        end if;
        execute format(
            'select exists (select from json_to_recordset($1) as gone (%s) join %s as child on %s)',
            (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
                from pg_attribute where attrelid = target and attname = any(key)),
            reference.child, turnout.same('child', reference.child_columns, 'gone', reference.parent_columns)
        ) into found using keys;
        if found then
            return true;
        end if;
    end loop;
    return false;
end $$;

-- Whether rows with these keys, a JSON array of objects, refer by a foreign key to rows that are not there.
create or replace function turnout.are_orphans(target regclass, key text[], constrained name, keys json) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    reference record;
    found boolean;
begin
    select * into reference from turnout.foreign_keys(target) where name = constrained and child = target;
    execute format(
        'select exists (select from json_to_recordset($1) as given (%s) join %s as present on %s
            where %s and not exists (select from %s as parent where %s))',
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(key)),
        target, turnout.same('present', key, 'given', key),
        (select string_agg(format('present.%I is not null', name), ' and ') from unnest(reference.child_columns) as name),
        reference.parent, turnout.same('parent', reference.parent_columns, 'present', reference.child_columns)
    ) into found using keys;
    return found;
end $$;
