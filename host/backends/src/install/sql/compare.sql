-- What a comparison asks for beside digests, and where it marks what differs.

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
    perform turnout.enter(mark.epoch);
    insert into turnout.dirty (epoch, repository, behind, key, subject)
    select mark.epoch, served.number, false, entry.key, entry.subject
    from unnest(keys, subjects) as entry (key, subject), turnout.repository as served
    where served.schema_name = in_schema and served.table_name = in_table;
    return cardinality(keys);
end $$;
