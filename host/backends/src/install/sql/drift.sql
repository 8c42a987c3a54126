-- What hosts keep that they all see alike.

-- Keeps evidence unless other evidence of its kind was kept since the entry of this number, 0 for none: of several hosts that saw the same,
-- one keeps it. Returns the number of the entry; null if another was quicker.
create or replace function turnout.add_evidence_after(
    after bigint, kind text, host text, version text, epoch bigint, repositories text[], result json
) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    lock table turnout.evidence in share row exclusive mode;
    if exists (
        select from turnout.evidence as kept
        where kept.kind = add_evidence_after.kind and kept.number > add_evidence_after.after
    ) then
        return null;
    end if;
    return turnout.add_evidence(kind, host, version, epoch, repositories, result);
end $$;

-- The newest evidence of a kind.
create or replace function turnout.last_evidence(in_kind text)
returns table (number bigint, kind text, age_seconds double precision, repositories text[], result json)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select number, kind, extract(epoch from clock_timestamp() - at)::double precision, repositories, result
    from turnout.evidence where kind = in_kind order by number desc limit 1
$$;
