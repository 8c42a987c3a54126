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

-- How many blocks a table has, those of its largest partition if it is partitioned; about how many rows; and which files they are
-- in: while these stay the same, a row that nobody changes keeps its place.
create or replace function turnout.extent(in_schema text, in_table text, out blocks bigint, out row_count bigint, out files text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(pg_relation_size(leaf.relid) / current_setting('block_size')::bigint), 0),
        coalesce(sum(greatest(reltuples, pg_relation_size(leaf.relid) / 100))::bigint, 0),
        coalesce(md5(string_agg(pg_relation_filenode(leaf.relid)::text, ' ' order by leaf.relid)), '')
    from (
        select relid from pg_partition_tree(format('%I.%I', in_schema, in_table)::regclass) where isleaf
        union
        select format('%I.%I', in_schema, in_table)::regclass
    ) as leaf
    join pg_class on pg_class.oid = leaf.relid and relkind in ('r', 'm')
$$;

drop function if exists turnout.digest(text, text, text[], integer);
drop function if exists turnout.rows_in(text, text, text[], integer, integer[]);

-- The digest of the rows that stand in some blocks of a table, from `first` to the one before `past`: they fall into `parts` by a
-- hash of their keys; for each part the number of rows and the sum of their hashes. Sums of all blocks are those of the table.
create or replace function turnout.digest(
    in_schema text, in_table text, columns text[], parts integer, first bigint, past bigint
)
returns table (part integer, row_count bigint, hash text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $$
declare
    served turnout.repository;
    query text;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    query := turnout.row_query(format('%I.%I', in_schema, in_table)::regclass, served.key, served.subject, columns);
    -- The code of the application that the rows run, such as checks of domains, finds what it names as it does elsewhere.
    set local search_path to default;
    return query execute format(
        $q$
            select (('x' || left(md5(key), 7))::bit(28)::integer %% $1), count(*),
                sum(('x' || left(hash, 16))::bit(64)::bigint::numeric)::text
            from (%s where changed.ctid >= format('(%%s,0)', $2)::tid and changed.ctid < format('(%%s,0)', $3)::tid) as row
            group by 1
        $q$,
        query
    ) using parts, first, past;
end $$;

-- The rows in some of those parts that stand in some blocks: key, subject and hash.
create or replace function turnout.rows_in(
    in_schema text, in_table text, columns text[], parts integer, chosen integer[], first bigint, past bigint
)
returns table (key text, subject text, hash text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $$
declare
    served turnout.repository;
    query text;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    query := turnout.row_query(format('%I.%I', in_schema, in_table)::regclass, served.key, served.subject, columns);
    -- The code of the application that the rows run, such as checks of domains, finds what it names as it does elsewhere.
    set local search_path to default;
    return query execute format(
        $q$
            select * from (
                %s where changed.ctid >= format('(%%s,0)', $3)::tid and changed.ctid < format('(%%s,0)', $4)::tid
            ) as row
            where (('x' || left(md5(key), 7))::bit(28)::integer %% $1) = any($2)
        $q$,
        query
    ) using parts, chosen, first, past;
end $$;

-- The subjects in a table, each once.
create or replace function turnout.subjects(in_schema text, in_table text) returns setof text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set row_security = off
as $$
declare
    served turnout.repository;
begin
    select * into strict served from turnout.repository where schema_name = in_schema and table_name = in_table;
    if served.subject is null then
        return next null;
    else
        set local search_path to default;
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
