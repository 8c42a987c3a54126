-- What tells whether both sides hold the same rows, worked out inside each database.

-- Each row by its key, its subject and a hash over the texts of these columns, in this order. An SQL query.
create or replace function turnout.row_query(target regclass, key text[], subject text, columns text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select format(
        'select %s as key, %s as subject, md5(row(%s)::text) as hash from %s as changed',
        turnout.key_expression(target, key),
        case when subject is null then 'null::text' else format('changed.%I::text', subject) end,
        (select string_agg(format('changed.%I', name), ', ' order by place) from unnest(columns) with ordinality as c (name, place)),
        target
    )
$$;

-- The digest of a table: its rows fall into `parts` by a hash of their keys; for each part the number of rows and the sum of
-- their hashes.
create or replace function turnout.digest(in_schema text, in_table text, columns text[], parts integer)
returns table (part integer, row_count bigint, hash text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $$
declare
    served turnout.repository;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    return query execute format(
        $q$
            select (('x' || left(md5(key), 7))::bit(28)::integer %% $1), count(*),
                sum(('x' || left(hash, 16))::bit(64)::bigint::numeric)::text
            from (%s) as row group by 1
        $q$,
        turnout.row_query(format('%I.%I', in_schema, in_table)::regclass, served.key, served.subject, columns)
    ) using parts;
end $$;

-- The rows in some of those parts: key, subject and hash.
create or replace function turnout.rows_in(in_schema text, in_table text, columns text[], parts integer, chosen integer[])
returns table (key text, subject text, hash text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $$
declare
    served turnout.repository;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    return query execute format(
        $q$select * from (%s) as row where (('x' || left(md5(key), 7))::bit(28)::integer %% $1) = any($2)$q$,
        turnout.row_query(format('%I.%I', in_schema, in_table)::regclass, served.key, served.subject, columns)
    ) using parts, chosen;
end $$;

-- The subjects in a table, each once.
create or replace function turnout.subjects(in_schema text, in_table text) returns setof text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    served turnout.repository;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    if served.subject is null then
        return next null;
    else
        return query execute format(
            'select distinct %I::text from %I.%I', served.subject, in_schema, in_table
        );
    end if;
end $$;

-- Marks keys dirty that differ from the other side, under an epoch that must still be let in here. Returns how many.
create or replace function turnout.mark(in_schema text, in_table text, keys text[], subjects text[], epoch bigint)
returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not pg_try_advisory_xact_lock_shared(turnout.lock_class(), mark.epoch::integer)
        or turnout.lowest_epoch() > mark.epoch
    then
        raise exception using errcode = 'TN001', message = 'turnout: epoch ' || mark.epoch || ' is over';
    end if;
    insert into turnout.dirty (epoch, repository, behind, key, subject)
    select mark.epoch, served.number, false, entry.key, entry.subject
    from unnest(keys, subjects) as entry (key, subject), turnout.repository as served
    where served.schema_name = in_schema and served.table_name = in_table;
    return cardinality(keys);
end $$;
