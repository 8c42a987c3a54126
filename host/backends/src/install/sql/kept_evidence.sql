-- What was proved, for commands that judge by it or show it.

-- The entries of these kinds, or of all if none is named, from a moment on, oldest first.
create or replace function turnout.kept_evidence(in_kinds text[], in_since timestamptz)
returns table (number bigint, at timestamptz, kind text, host text, version text, epoch bigint, repositories text[], result json)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select number, at, kind, host, version, epoch, repositories, result
    from turnout.evidence
    where (kind = any (in_kinds) or cardinality(in_kinds) = 0) and at >= in_since
    order by number
$$;
