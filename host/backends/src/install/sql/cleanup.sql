-- Cleanup: rows are removed after a review, kept for a while, and put back if somebody asks for that.

-- An SQL expression for a row called `changed` as JSON: each value as the text that its type writes, as the mirror carries rows.
create or replace function turnout.row_expression(target regclass, expression text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select format('(select row_to_json(shown.*) from (select %s) as shown)', string_agg(
        format(expression || ' as %I', turnout.text_of(format('changed.%I', attname), atttypid), attname), ', ' order by attnum
    ))
    from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
$$;

-- The columns of a key with their types, for `json_to_record`.
create or replace function turnout.key_types(target regclass, key text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
    from pg_attribute where attrelid = target and attname = any(key)
$$;

-- The SHA-256 of a row called `changed`, all columns of it.
create or replace function turnout.whole_hash(target regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select turnout.hash_expression(array_agg(attname::text order by attnum))
    from pg_attribute where attrelid = target and attnum > 0 and not attisdropped
$$;

-- Rows by their keys, a JSON array of objects: each with its `key` as pending entries have it, its `subject`, the `hash` of all its columns, its
-- `row`, and its age, where the table says when a row was made. Of a text longer than 256 KiB the row has the beginning.
create or replace function turnout.reviewed(in_schema text, in_table text, keys json) returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    made_at text := (
        select attname from pg_attribute
        where attrelid = target and attname in ('created_at', 'inserted_at') and not attisdropped
            and atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
        order by attname limit 1
    );
    found json;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    set local search_path to default;
    execute format(
        $q$
            select coalesce(json_agg(json_build_object('key', %s, 'subject', %s, 'hash', turnout.hex(%s), 'age', %s, 'row', %s)), '[]')
            from json_array_elements($1) as asked (key)
            cross join lateral json_to_record(asked.key) as wanted (%s)
            join %s as changed on %s
        $q$,
        turnout.key_expression(target, served.key),
        case when served.subject is null then 'null::text' else format('changed.%I::text', served.subject) end,
        turnout.whole_hash(target),
        case when made_at is null then 'null' else format('extract(epoch from clock_timestamp() - changed.%I)', made_at) end,
        turnout.row_expression(target, 'turnout.shortened(%s)'),
        turnout.key_types(target, served.key), target, turnout.same('changed', served.key, 'wanted', served.key)
    ) into strict found using keys;
    return found;
end $$;

-- The rows of any table that refer by foreign keys to rows with these keys, at most so many of each foreign key: an array with an object for each
-- foreign key that has some. It has the `keys` of the rows, or null if the table is not served or may not be read.
create or replace function turnout.referring(in_schema text, in_table text, keys json, at_most integer) returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    reference record;
    source text;
    known boolean;
    referring json;
    found json[] := '{}';
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    set local search_path to default;
    for reference in
        select nspname, relname, conname, conrelid::regclass as child, child_served.key,
            has_table_privilege(conrelid, 'SELECT') as readable,
            array(
                select attname::text from unnest(conkey) with ordinality as part (number, place)
                join pg_attribute on attrelid = conrelid and attnum = number order by place
            ) as child_columns,
            array(
                select attname::text from unnest(confkey) with ordinality as part (number, place)
                join pg_attribute on attrelid = confrelid and attnum = number order by place
            ) as parent_columns
        from pg_constraint as foreign_key
        join pg_class on pg_class.oid = coalesce(pg_partition_root(conrelid), conrelid)
        join pg_namespace on pg_namespace.oid = relnamespace
        left join turnout.repository as child_served on schema_name = nspname and table_name = relname
        where contype = 'f' and conparentid = 0
            and confrelid in (select relid from pg_partition_tree(target) union select target)
        order by nspname, relname, conname
    loop
        known := reference.key is not null and reference.readable;
        if reference.readable then
            source := format(
                'from json_array_elements($1) as asked (key) cross join lateral json_to_record(asked.key) as wanted (%s)
                join %s as parent on %s join %s as changed on %s',
                turnout.key_types(target, served.key), target, turnout.same('parent', served.key, 'wanted', served.key),
                reference.child, turnout.same('changed', reference.child_columns, 'parent', reference.parent_columns)
            );
            execute case when known then format(
                'select json_agg(key) from (select distinct %s as key %s limit $2) as child',
                turnout.key_expression(reference.child, reference.key), source
            ) else format('select to_json(true) where exists (select %s)', source) end
            into referring using keys, at_most;
            continue when referring is null;
        end if;
        found := found || json_build_object(
            'schema', reference.nspname, 'table', reference.relname, 'constraint', reference.conname,
            'keys', case when known then referring end
        );
    end loop;
    return array_to_json(found);
end $$;

-- How many rows a table has, counted up to a million.
create or replace function turnout.rows_of(in_schema text, in_table text) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp set row_security = off
as $$
declare
    counted bigint;
begin
    execute format('select count(*) from (select from %I.%I limit 1000000) as counted', in_schema, in_table) into counted;
    return counted;
end $$;

-- What keeps a cleanup from removing rows of a table on this side, as nobody could see what else would go: in words without values. `mirrored` says
-- that the mirror would remove them, which counts nothing.
create or replace function turnout.hazards(in_schema text, in_table text, mirrored boolean) returns setof text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    silent boolean := turnout.silence();
begin
    perform turnout.be_heard();
    return query
        select format('the rule %s on %s says what a removal does instead or also', rulename, target)
        from pg_rewrite where ev_class = target and ev_type = '4';
    return query
        select format('the table %s inherits from %s, and its rows have columns of their own', inhrelid::regclass, target)
        from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = target and not relispartition;
    if mirrored and not silent then
        return query
            select format('the trigger %s on %s fires on mirrored removals, too, and nothing counts what it does', tgname, tgrelid::regclass)
            from pg_trigger
            where tgrelid in (select relid from pg_partition_tree(target) union select target) and not tgisinternal and tgparentid = 0
                and tgtype & 8 = 8 and tgenabled <> 'D' and tgname not like 'turnout\_captured\_%';
    end if;
end $$;

-- Has triggers and foreign keys work as they do for the application: sessions of the mirror may have them silent.
create or replace function turnout.be_heard() returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('session_replication_role') <> 'origin' then
        perform set_config('session_replication_role', 'origin', true);
    end if;
end $$;

-- How many rows of each table this session has removed and changed, partitions with their tables. PostgreSQL counts rows that foreign keys,
-- triggers and rules go on to, too. What earlier transactions did may still be among them.
create or replace function turnout.touched()
returns table (touched regclass, removed bigint, changed bigint)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select coalesce(pg_partition_root(relid), relid)::regclass, sum(n_tup_del)::bigint, sum(n_tup_upd)::bigint
    from pg_stat_xact_user_tables
    where schemaname <> 'turnout' and (n_tup_del > 0 or n_tup_upd > 0)
    group by 1
$$;

-- Names the tables in which this session has removed other numbers of rows since `before` than `expected`, an object of numbers by table, or has
-- changed any row. Null if there is none.
create or replace function turnout.touched_beside(before json, expected json) returns text
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    with now as (
        select coalesce(after.touched, before.touched) as touched, coalesce(after.removed, 0) - coalesce(before.removed, 0) as removed,
            coalesce(after.changed, 0) - coalesce(before.changed, 0) as changed
        from turnout.touched() as after
        full join json_to_recordset(before) as before (touched regclass, removed bigint, changed bigint) on before.touched = after.touched
    )
    select string_agg(format(
        '%s: %s removed, %s changed', coalesce(now.touched, wanted.touched), coalesce(now.removed, 0), coalesce(now.changed, 0)
    ), '; ')
    from now full join (
        select coalesce(pg_partition_root(key::regclass), key::regclass)::regclass as touched, sum(value::bigint) as wanted
        from json_each_text(expected) group by 1
    ) as wanted on wanted.touched = now.touched
    where coalesce(now.removed, 0) <> coalesce(wanted.wanted, 0) or coalesce(now.changed, 0) <> 0
$$;

-- Whether this transaction holds a lock on a table that TRUNCATE and DROP take, which PostgreSQL does not count by rows.
create or replace function turnout.has_truncated() returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_locks left join pg_class on pg_class.oid = relation
        where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
            and mode = 'AccessExclusiveLock' and pid = pg_backend_pid()
            -- A dropped table is no longer in pg_class.
            and (pg_class.oid is null or relkind in ('r', 'p') and relnamespace not in ('turnout'::regnamespace, pg_my_temp_schema()))
    )
$$;

-- Removes rows that were reviewed, all or none: `tables` is an array of objects with `schema`, `table` and `rows`, those first that refer to
-- others; each row has its `key` and the `hash` that it was reviewed with. The rows are kept in the archive under the name of the cleanup.
--   TN008  a row is not as it was reviewed;
--   TN009  PostgreSQL would go on to rows that were not reviewed, by a foreign key, a trigger or a rule, or keeps some.
create or replace function turnout.remove_reviewed(in_cleanup text, in_epoch bigint, tables json) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    part record;
    served turnout.repository;
    target regclass;
    given text;
    found bigint;
    expected json;
    before json := (select coalesce(json_agg(t), '[]') from turnout.touched() as t);
    beside text;
begin
    perform set_config('turnout.epoch', in_epoch::text, true);
    perform turnout.be_heard();
    -- Rows may refer to each other in a circle.
    set constraints all deferred;
    set local search_path to default;
    for part in
        select is_removal, value ->> 'schema' as schema_name, value ->> 'table' as table_name, value -> 'rows' as rows
        from unnest(array[false, true]) as is_removal, json_array_elements(tables) with ordinality as t (value, place)
        order by is_removal, place
    loop
        select * into strict served from turnout.repository as r
        where r.schema_name = part.schema_name and r.table_name = part.table_name;
        target := format('%I.%I', part.schema_name, part.table_name)::regclass;
        given := format(
            'json_array_elements($1) with ordinality as asked (value, place)
            cross join lateral json_to_record(asked.value -> ''key'') as wanted (%s)', turnout.key_types(target, served.key)
        );
        if part.is_removal then
            execute format(
                'delete from %s as changed using %s where %s', target, given, turnout.same('changed', served.key, 'wanted', served.key)
            ) using part.rows;
            continue;
        end if;
        execute format(
            $q$
                with locked as materialized (
                    select asked.place, %1$s as key, %2$s as body, turnout.hex(%3$s) = asked.value ->> 'hash' as is_reviewed
                    from %4$s join %5$s as changed on %6$s
                    order by asked.place
                    for update of changed
                )
                insert into turnout.archive (cleanup, repository, key, body, epoch)
                select $2, $3, key, body, $4 from locked where is_reviewed order by place
            $q$,
            turnout.key_expression(target, served.key), turnout.row_expression(target, '%s'), turnout.whole_hash(target), given, target,
            turnout.same('changed', served.key, 'wanted', served.key)
        ) using part.rows, in_cleanup, served.number, in_epoch;
        get diagnostics found = row_count;
        if found <> json_array_length(part.rows) then
            raise exception using errcode = 'TN008', message = format(
                'turnout: of %s rows of %s that were reviewed %s are there unchanged', json_array_length(part.rows), part.table_name, found
            );
        end if;
    end loop;
    -- Whatever was put off to the end of the transaction happens now, so that it is counted.
    set constraints all immediate;
    select json_object_agg(format('%I.%I', value ->> 'schema', value ->> 'table'), json_array_length(value -> 'rows')) into expected
    from json_array_elements(tables);
    beside := turnout.touched_beside(before, expected);
    if beside is not null or turnout.has_truncated() then
        raise exception using errcode = 'TN009', message = 'turnout: PostgreSQL would go on to rows that were not reviewed, or keep some',
            detail = coalesce(beside, 'a table was truncated or dropped');
    end if;
    return pg_current_xact_id()::text;
end $$;

-- Puts rows back, those first that others refer to: `rows` is an array of objects with `schema`, `table`, `row`, and the `place` in the archive of
-- this side, or null if another side has the archive. Returns the `transaction`, and in `rows` an object for each, in the same order: its `state` is
-- `restored`, `present` (it is there already) or `refused`, with a `reason`. What refers to a row of the cleanup that is not put back is
-- refused, as its key may belong to another row now: rows of the archive here, and the `missing`, which are such objects.
-- `together` has all rows put back or none, for rows that refer to each other.
create or replace function turnout.put_back(in_cleanup text, in_epoch bigint, rows json, missing json, together boolean) returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    given json;
    done json[] := '{}';
    answer json;
begin
    perform set_config('turnout.epoch', in_epoch::text, true);
    perform turnout.be_heard();
    if together then
        begin
            set constraints all deferred;
            for given in select value from json_array_elements(rows) loop
                answer := turnout.put_one_back(in_cleanup, given, missing, true);
                if answer ->> 'state' = 'refused' then
                    raise exception using errcode = 'TN007', message = answer ->> 'reason';
                end if;
                done := done || answer;
            end loop;
            for given in select value from json_array_elements(rows) loop
                perform turnout.check_references(given ->> 'schema', given ->> 'table', given -> 'row');
            end loop;
            set constraints all immediate;
        exception
            when sqlstate 'TN001' or query_canceled or deadlock_detected or serialization_failure or lock_not_available then raise;
            when others then
                answer := json_build_object('state', 'refused', 'reason', turnout.why_refused(sqlstate, sqlerrm, null));
                done := array(select answer from json_array_elements(rows));
        end;
    else
        -- A row that violates a constraint at the end would take all others with it.
        set constraints all immediate;
        for given in select value from json_array_elements(rows) loop
            done := done || turnout.put_one_back(in_cleanup, given, missing, false);
        end loop;
    end if;
    return json_build_object('transaction', pg_current_xact_id()::text::bigint, 'rows', array_to_json(done));
end $$;

-- Why a row was not put back, in words without values.
create or replace function turnout.why_refused(state text, message text, constrained text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select case
        when state = 'TN007' then message
        when state = '23505' then format('another row has its values in %s now', constrained)
        when state = '23503' and constrained <> '' then format('a row that it refers to by %s is not there', constrained)
        when state = '23503' then 'a row that it refers to is not there'
        when constrained <> '' then format('it violates %s', constrained)
        else 'PostgreSQL refuses it with SQLSTATE ' || state
    end
$$;

-- Puts one row back as it was, and notes that in the archive. Returns what became of it.
create or replace function turnout.put_one_back(in_cleanup text, given json, missing json, together boolean) returns json
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', given ->> 'schema', given ->> 'table')::regclass;
    body json := given -> 'row';
    is_kept boolean;
    present json;
    state text := 'restored';
    differing text;
    found text;
    names text;
    texts text;
    silent boolean := false;
    constrained text;
    before json := (select coalesce(json_agg(t), '[]') from turnout.touched() as t);
begin
    -- Another undo may put the same row back at this moment: the lock on its entry in the archive makes one of them wait.
    if given ->> 'place' is not null then
        select restored_at is null into is_kept from turnout.archive where place = (given ->> 'place')::bigint for update;
        if not coalesce(is_kept, false) then
            return json_build_object('state', 'present');
        end if;
    end if;
    select * into strict served from turnout.repository
    where schema_name = given ->> 'schema' and table_name = given ->> 'table';
    found := format(
        'select %s from json_to_record($1) as wanted (%s) join %s as changed on %s',
        turnout.row_expression(target, '%s'), turnout.key_types(target, served.key), target,
        turnout.same('changed', served.key, 'wanted', served.key)
    );
    select string_agg(key, ', ') into differing from json_object_keys(body) as key
    where key not in (select attname from pg_attribute where attrelid = target and attnum > 0 and not attisdropped);
    if differing is not null then
        return json_build_object('state', 'refused', 'reason', 'its table no longer has the columns ' || differing);
    end if;
    select string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg(format('($1 ->> %L)::%s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
    into names, texts
    from pg_attribute
    where attrelid = target and attnum > 0 and not attisdropped and attgenerated = ''
        and attname in (select key from json_object_keys(body) as key);
    begin
        -- What the application has put on the table finds what it names as it does elsewhere.
        set local search_path to default;
        execute found into present using body;
        if present is not null then
            if turnout.differing(body, present) is not null then
                return json_build_object('state', 'refused', 'reason', 'another row has its key now');
            end if;
            state := 'present';
        else
            perform turnout.check_parents(in_cleanup, (given ->> 'place')::bigint, target, body, missing, together);
            -- The application's triggers would change the row. Where they are silent, so are the checks of foreign keys and of what is deferred.
            if together or exists (
                select from pg_trigger where tgrelid = target and not tgisinternal and tgname not like 'turnout\_captured\_%'
            ) then
                silent := turnout.silence();
            end if;
            execute format('insert into %s (%s) overriding system value select %s', target, names, texts) using body;
            perform turnout.be_heard();
            if silent then
                execute format('do %L', format('begin %s end', turnout.deferred_checks(
                    target, served.key, format('json_to_record(%L) as sent (%s)', body, turnout.key_types(target, served.key)),
                    turnout.same('present', served.key, 'sent', served.key)
                )));
                if not together then
                    perform turnout.check_references(given ->> 'schema', given ->> 'table', body);
                end if;
            end if;
            execute found into present using body;
            differing := turnout.differing(body, present);
            if differing is not null then
                raise exception using errcode = 'TN007',
                    message = 'it would come out otherwise in ' || differing || ', as a trigger or another type changes it';
            end if;
            if turnout.touched_beside(before, '{}') is not null or turnout.has_truncated() then
                raise exception using errcode = 'TN007', message = 'a trigger would change other rows with it';
            end if;
        end if;
        if given ->> 'place' is not null then
            update turnout.archive set restored_at = clock_timestamp() where place = (given ->> 'place')::bigint;
        end if;
    exception
        -- These are about the transaction and no row.
        when sqlstate 'TN001' or query_canceled or deadlock_detected or serialization_failure or lock_not_available then raise;
        when others then
            get stacked diagnostics constrained = constraint_name;
            return json_build_object('state', 'refused', 'reason', turnout.why_refused(sqlstate, sqlerrm, constrained));
    end;
    return json_build_object('state', state);
end $$;

-- The columns of a kept row that a row has otherwise; null if there is none. Columns that the table has got since do not count.
create or replace function turnout.differing(kept json, present json) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select string_agg(was.key, ', ') from json_each_text(kept) as was left join json_each_text(present) as is_now using (key)
    where was.value is distinct from is_now.value
$$;

-- Refuses a row that refers to a row of the same cleanup that is not put back, unless both are put back together.
create or replace function turnout.check_parents(in_cleanup text, own_place bigint, target regclass, body json, missing json, together boolean)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    reference record;
    gone json;
begin
    for reference in select * from turnout.foreign_keys(target) where child = target loop
        for gone in
            select archive.body from turnout.archive join turnout.repository as served on served.number = archive.repository
            where archive.cleanup = in_cleanup and archive.restored_at is null and archive.place is distinct from own_place and not together
                and format('%I.%I', served.schema_name, served.table_name)::regclass = reference.parent
            union all
            select value -> 'row' from json_array_elements(missing)
            where format('%I.%I', value ->> 'schema', value ->> 'table')::regclass = reference.parent
        loop
            if not exists (
                select from unnest(reference.child_columns, reference.parent_columns) as pair (child_column, parent_column)
                where (body ->> child_column = gone ->> parent_column) is not true
            ) then
                raise exception using errcode = '23503', constraint = reference.name, message = 'turnout: a row that it refers to is not put back';
            end if;
        end loop;
    end loop;
end $$;

-- Refuses a row that refers by a foreign key to one that is not there, and keeps what it refers to from going.
create or replace function turnout.check_references(in_schema text, in_table text, body json) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    served turnout.repository;
    reference record;
    is_orphan boolean;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    for reference in select * from turnout.foreign_keys(target) where child = target loop
        execute format(
            'select exists (select from json_to_record($1) as wanted (%s) join %s as changed on %s where %s
                and not exists (select from %s as parent where %s for key share))',
            turnout.key_types(target, served.key), target, turnout.same('changed', served.key, 'wanted', served.key),
            (select string_agg(format('changed.%I is not null', name), ' and ') from unnest(reference.child_columns) as name),
            reference.parent, turnout.same('parent', reference.parent_columns, 'changed', reference.child_columns)
        ) into is_orphan using body;
        if is_orphan then
            raise exception using errcode = '23503', constraint = reference.name, message = 'turnout: a row that it refers to is not there';
        end if;
    end loop;
end $$;

-- The rows that a cleanup removed here and that are not put back, in the order in which they can be: those first that others refer to.
create or replace function turnout.archived(in_cleanup text, keep interval)
returns table (place bigint, schema_name text, table_name text, key text, subject text, body json)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select archive.place, served.schema_name, served.table_name, archive.key, archive.body ->> served.subject, archive.body
    from turnout.archive join turnout.repository as served on served.number = archive.repository
    where archive.cleanup = in_cleanup and archive.restored_at is null and archive.at > clock_timestamp() - keep
    order by archive.place desc
$$;

-- Notes that rows of the archive are put back.
create or replace function turnout.note_restored(in_cleanup text, places bigint[]) returns bigint
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    with noted as (
        update turnout.archive set restored_at = clock_timestamp()
        where cleanup = in_cleanup and place = any(places) and restored_at is null
        returning 1
    )
    select count(*) from noted
$$;

-- The cleanups that removed rows here which are still kept, the latest first.
create or replace function turnout.cleanups(keep interval)
returns table (cleanup text, at text, table_name text, removed bigint, restored bigint)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select archive.cleanup, to_char(min(archive.at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), served.table_name, count(*),
        count(archive.restored_at)
    from turnout.archive join turnout.repository as served on served.number = archive.repository
    where archive.at > clock_timestamp() - keep
    group by archive.cleanup, served.table_name
    order by min(archive.at) desc, archive.cleanup, served.table_name
$$;

-- Empties the archive of rows that were removed longer ago. Returns how many.
create or replace function turnout.empty_archive(keep interval) returns bigint
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    with emptied as (
        delete from turnout.archive where at <= clock_timestamp() - keep returning 1
    )
    select count(*) from emptied
$$;
