-- Digests over ranges of keys, worked out inside each database: what tells whether both sides hold the same rows.

-- What an earlier version of the installation had instead.
drop function if exists turnout.digest(text, text, text[], integer), turnout.rows_in(text, text, text[], integer, integer[]),
    turnout.digest(text, text, text[], integer, bigint, bigint),
    turnout.rows_in(text, text, text[], integer, integer[], bigint, bigint),
    turnout.row_query(regclass, text[], text, text[]), turnout.extent(text, text),
    turnout.rows_between(text, text, text[], text[], json, json, bigint, integer, integer[]);

-- The exclusive or of hashes. It depends neither on their order nor on the ranges that they are put together from.
create or replace aggregate turnout.all_of(bit) (sfunc = pg_catalog.bitxor, stype = bit);

-- Hexadecimal digits of 256 bits.
create or replace function turnout.hex(bits bit) returns text
language sql immutable strict set search_path = pg_catalog, pg_temp
as $$
    select string_agg(lpad(to_hex(substring(bits from place for 64)::bit(64)::bigint), 16, '0'), '' order by place)
    from generate_series(1, 193, 64) as place
$$;

-- The SHA-256 of a row, as 256 bits: of the text that PostgreSQL writes for these columns, in this order. An SQL expression over a row
-- called `changed`.
create or replace function turnout.hash_expression(columns text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
    select format(
        '(''x'' || encode(sha256(convert_to(row(%s)::text, ''UTF8'')), ''hex''))::bit(256)',
        string_agg(format('changed.%I', name), ', ' order by place)
    )
    from unnest(columns) with ordinality as c (name, place)
$$;

-- The number of the part, of so many, that a row falls into by its key. An SQL expression over a row called `changed`.
create or replace function turnout.part_expression(target regclass, key text[], parts integer) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select case
        when parts = 1 then '0'
        else format('((''x'' || left(md5(%s), 7))::bit(28)::integer %% %s)', turnout.key_expression(target, key), parts)
    end
$$;

-- A table by its key: the columns in the order of the unique index, and what the order of their values depends on. Two sides
-- with the same text order their keys alike; null if nothing is known to say so.
create or replace function turnout.key_order(in_schema text, in_table text, out columns text[], out sorted text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    select names into columns
    from pg_index
    cross join lateral (
        select array_agg(attname::text order by place) as names
        from unnest(indkey::smallint[]) with ordinality as part (number, place)
        join pg_attribute on attrelid = target and attnum = number
        where place <= indnkeyatts
    ) as part
    where indrelid = target and indisunique and indisvalid and indpred is null and indexprs is null
        and names @> served.key and names <@ served.key
    order by indisprimary desc, indexrelid
    limit 1;
    columns := coalesce(columns, served.key);
    select case when bool_and(part.sorted is not null) then string_agg(part.sorted, ', ' order by place) end into sorted
    from (
        select place, case
            when atttypid in (
                'int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'date'::regtype, 'time'::regtype,
                'timestamp'::regtype, 'timestamptz'::regtype, 'bytea'::regtype, 'bool'::regtype, 'numeric'::regtype
            ) then atttypid::regtype::text
            when atttypid in ('text'::regtype, 'varchar'::regtype) then turnout.collation_order(attcollation)
        end as sorted
        from unnest(columns) with ordinality as named (name, place)
        join pg_attribute on attrelid = target and attname = name
    ) as part;
end $$;

-- What the order of texts under a collation depends on; null if its version is not known.
create or replace function turnout.collation_order(collation_oid oid) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    database json := (select row_to_json(d) from pg_database as d where datname = current_database());
    here json := (select row_to_json(c) from pg_collation as c where c.oid = collation_oid);
    is_default boolean := here ->> 'collprovider' = 'd';
    provider text := case when is_default then coalesce(database ->> 'datlocprovider', 'c') else here ->> 'collprovider' end;
    locale text := case
        when is_default and provider = 'c' then database ->> 'datcollate'
        when is_default then coalesce(database ->> 'datlocale', database ->> 'daticulocale')
        when provider = 'c' then here ->> 'collcollate'
        else coalesce(here ->> 'colllocale', here ->> 'colliculocale', here ->> 'collcollate')
    end;
    version text;
begin
    if here ->> 'collisdeterministic' = 'false' then
        return null;
    elsif provider = 'c' and locale in ('C', 'POSIX') or provider = 'b' and locale = 'C' then
        return 'C';
    elsif provider = 'b' then
        return 'builtin ' || locale;
    elsif is_default and current_setting('server_version_num')::integer >= 150000 then
        execute 'select pg_database_collation_actual_version(oid) from pg_database where datname = current_database()' into version;
    elsif is_default then
        -- Every collation of the C library has the library's version.
        select pg_collation_actual_version(c.oid) into version
        from pg_collation as c where c.collprovider = 'c' and pg_collation_actual_version(c.oid) is not null limit 1;
    else
        version := pg_collation_actual_version(collation_oid);
    end if;
    return provider || ' ' || locale || ' ' || version;
end $$;

-- A condition on a row called `changed`: its key comes after `low`, if that is one, and not after `high`, if that is one. Keys are JSON, as
-- `key_expression` writes them.
create or replace function turnout.between_keys(target regclass, columns text[], low json, high json) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    names text := (
        select string_agg(format('changed.%I', name), ', ' order by place) from unnest(columns) with ordinality as c (name, place)
    );
    types text := (
        select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
        from pg_attribute where attrelid = target and attname = any(columns)
    );
    limits text := 'true';
    key json;
    sign text;
    literals text;
begin
    foreach sign in array array['>', '<='] loop
        key := case sign when '>' then low else high end;
        continue when key is null;
        execute format(
            'select concat_ws('', '', %s) from json_to_record($1) as changed (%s)',
            (select string_agg(
                    format('quote_literal(changed.%I) || %L', attname, '::' || format_type(atttypid, -1)), ', ' order by place
                )
                from unnest(columns) with ordinality as c (name, place)
                join pg_attribute on attrelid = target and attname = name),
            types
        ) into strict literals using key;
        limits := limits || case
            when cardinality(columns) = 1 then format(' and %s %s %s', names, sign, literals)
            else format(' and (%s) %s (%s)', names, sign, literals)
        end;
    end loop;
    return limits;
end $$;

-- The key of the last of the next `at_most` rows whose keys come after `low` and not after `high`, in the order of these columns; null if
-- there are not so many.
create or replace function turnout.key_ahead(
    in_schema text, in_table text, key_columns text[], low json, high json, at_most bigint
) returns json
-- The index on the key has the order.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off set enable_sort = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    last json;
begin
    set local search_path to default;
    execute format(
        'select (%s)::json from %s as changed where %s order by %s offset %s limit 1',
        turnout.key_expression(target, key_columns), target, turnout.between_keys(target, key_columns, low, high),
        (select string_agg(format('changed.%I', name), ', ' order by place) from unnest(key_columns) with ordinality as c (name, place)),
        at_most - 1
    ) into last;
    return last;
end $$;

-- The digest of the rows whose keys come after `low` and not after `high`, of the first `at_most` in the order of these columns if that is not
-- null: for each of `parts` by a hash of the key that has rows its number, how many rows, and the exclusive or of their hashes.
create or replace function turnout.digest(
    in_schema text, in_table text, columns text[], key_columns text[], low json, high json, at_most bigint, parts integer
) returns json
-- The index on the key has the order.
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off set enable_sort = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    hash text := turnout.hash_expression(columns);
    part text;
    source text := format('%s as changed where %s', target, turnout.between_keys(target, key_columns, low, high));
    found json;
begin
    select turnout.part_expression(target, served.key, digest.parts) into strict part
    from turnout.repository as served where schema_name = in_schema and table_name = in_table;
    if at_most is not null then
        source := format(
            '(select changed.* from %s order by %s limit %s) as changed', source,
            (select string_agg(format('changed.%I', name), ', ' order by place) from unnest(key_columns) with ordinality as c (name, place)),
            at_most
        );
    end if;
    -- The code of the application that the rows run, such as that of computed columns, finds what it names as it does elsewhere.
    set local search_path to default;
    execute format(
        $q$
            select coalesce(json_agg(json_build_object('part', part, 'rows', row_count, 'hash', turnout.hex(hash))), '[]')
            from (select %s as part, count(*) as row_count, turnout.all_of(%s) as hash from %s group by 1) as part
        $q$,
        part, hash, source
    ) into strict found;
    return found;
end $$;

-- The rows whose keys come after `low` and not after `high` and which fall into one of `chosen`, of `parts`: each with its key, the text of its
-- subject column, and its hash.
create or replace function turnout.rows_between(
    in_schema text, in_table text, columns text[], key_columns text[], low json, high json, parts integer, chosen integer[]
) returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    part text;
    hash text := turnout.hash_expression(columns);
    found json;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    part := turnout.part_expression(target, served.key, rows_between.parts);
    set local search_path to default;
    execute format(
        $q$
            select coalesce(json_agg(json_build_object('key', %s, 'subject', %s, 'hash', turnout.hex(%s))), '[]')
            from %s as changed where %s and %s = any($1)
        $q$,
        turnout.key_expression(target, served.key),
        case when served.subject is null then 'null::text' else format('changed.%I::text', served.subject) end,
        hash, target, turnout.between_keys(target, key_columns, low, high), part
    ) into strict found using chosen;
    return found;
end $$;

-- About how many rows a table has.
create or replace function turnout.row_estimate(in_schema text, in_table text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select coalesce(sum(greatest(reltuples, pg_relation_size(leaf.relid) / 1000))::bigint, 0)
    from (
        select relid from pg_partition_tree(format('%I.%I', in_schema, in_table)::regclass) where isleaf
        union
        select format('%I.%I', in_schema, in_table)::regclass
    ) as leaf
    join pg_class on pg_class.oid = leaf.relid and relkind in ('r', 'm')
$$;

-- Rows by their keys, as they are at one moment: for each key that was asked for its `hash` and the `version` of its row, both null if there is
-- none, its `subject`, whether a pending entry names it (`dirty`), why it is held or
-- parked (`held`), if it is, and whether it is `parked`.
create or replace function turnout.look(in_schema text, in_table text, columns text[], keys text[]) returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    hash text := turnout.hash_expression(columns);
    found json;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    set local search_path to default;
    execute format(
        $q$
            select coalesce(json_agg(json_build_object(
                'key', asked.key, 'hash', case when changed.%1$I is not null then turnout.hex(%2$s) end, 'version', changed.xmin::text,
                'subject', %3$s, 'dirty', waiting.key is not null, 'held', held.reason, 'parked', held.parked_at is not null
            )), '[]')
            from unnest($1) as asked (key)
            cross join lateral json_to_record(asked.key::json) as wanted (%4$s)
            left join %5$s as changed on (%6$s)
            left join (select distinct key from turnout.dirty where repository = $2 and key = any($1)) as waiting on waiting.key = asked.key
            left join turnout.held on held.repository = $2 and held.key = asked.key
        $q$,
        served.key[1], hash,
        case when served.subject is null then 'null::text' else format('changed.%I::text', served.subject) end,
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(served.key)),
        target,
        (select string_agg(format('changed.%1$I = wanted.%1$I', name), ' and ') from unnest(served.key) as name)
    ) into strict found using keys, served.number;
    return found;
end $$;

-- The texts of the columns of rows by their keys: an array of objects with `key` and `row`, null if there is none. Of a text longer than
-- 256 KiB, the beginning with its length and its SHA-256.
create or replace function turnout.texts(in_schema text, in_table text, columns text[], keys text[]) returns json
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
set lc_monetary = 'C'
as $$
declare
    served turnout.repository;
    target regclass := format('%I.%I', in_schema, in_table)::regclass;
    found json;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    set local search_path to default;
    execute format(
        $q$
            select coalesce(json_agg(json_build_object(
                'key', asked.key, 'row', case when changed.%1$I is not null then (select row_to_json(shown.*) from (select %2$s) as shown) end
            )), '[]')
            from unnest($1) as asked (key)
            cross join lateral json_to_record(asked.key::json) as wanted (%3$s)
            left join %4$s as changed on (%5$s)
        $q$,
        served.key[1],
        (select string_agg(format('turnout.shortened(%s) as %I', turnout.text_of(format('changed.%I', attname), atttypid), attname), ', ' order by place)
            from unnest(columns) with ordinality as c (name, place) join pg_attribute on attrelid = target and attname = name),
        (select string_agg(format('%I %s', attname, format_type(atttypid, -1)), ', ')
            from pg_attribute where attrelid = target and attname = any(served.key)),
        target,
        (select string_agg(format('changed.%1$I = wanted.%1$I', name), ' and ') from unnest(served.key) as name)
    ) into strict found using keys;
    return found;
end $$;

-- A text, or of a text longer than 256 KiB the beginning with its length and its SHA-256.
create or replace function turnout.shortened(value text) returns text
language sql immutable strict set search_path = pg_catalog, pg_temp
as $$
    select case
        when octet_length(value) <= 262144 then value
        else left(value, 80) || '… ' || octet_length(value) || ' bytes, SHA-256 ' || encode(sha256(convert_to(value, 'UTF8')), 'hex')
    end
$$;
