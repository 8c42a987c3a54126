-- What promotion is judged by: the newest evidence, and whether its chain is whole.

-- Of each kind of evidence the newest, of each kind and repository the newest that names it, and the newest drift that tells of a change.
create or replace function turnout.newest_evidence()
returns table (number bigint, kind text, age_seconds double precision, repositories text[], result json)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select number, kind, extract(epoch from clock_timestamp() - at)::double precision, repositories, result
    from turnout.evidence
    where number in (
        select max(number) from turnout.evidence group by kind
        union all
        select max(number) from turnout.evidence cross join unnest(repositories) as repository group by kind, repository
        union all
        select max(number) from turnout.evidence where case when kind = 'drift' then json_array_length(result -> 'changes') > 0 end
    )
    order by number
$$;

-- The first number at which the chain of the evidence is broken, with the reason; no row if it is whole. What is missing at the end
-- can't be seen.
create or replace function turnout.evidence_gap() returns table (number bigint, reason text)
language sql volatile security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $$
    select broken.number, broken.reason
    from (
        select
            case when entry.number > entry.last + 1 then entry.last + 1 else entry.number end as number,
            case
                when entry.number > entry.last + 1 then 'is missing'
                when entry.before <> entry.digest_before then 'does not follow the one before it'
                when entry.digest <> encode(sha256(convert_to(row(
                    entry.number, entry.at, entry.kind, entry.host, entry.version, entry.epoch, entry.repositories, entry.result::text,
                    entry.before
                )::text, 'UTF8')), 'hex') then 'was changed'
            end as reason
        from (
            select evidence.*, coalesce(lag(evidence.number) over chain, 0) as last,
                coalesce(lag(evidence.digest) over chain, '') as digest_before
            from turnout.evidence window chain as (order by evidence.number)
        ) as entry
    ) as broken
    where broken.reason is not null
    order by broken.number
    limit 1
$$;
