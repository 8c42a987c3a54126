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

-- How long both sides have run in parallel, as far as hosts keep what they do by the minute: from the first minute with compared reads after
-- a pause of more than twelve hours to the last, and what was done in that time. No row if nothing is on record of the last twelve hours.
create or replace function turnout.parallel_run()
returns table (lasted_seconds double precision, operations bigint, errors bigint, compared bigint, diverged bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass('turnout.minutes') is null then
        return;
    end if;
    return query
    with with_compared as (
        select distinct known.minute from turnout.minutes as known
        where known.action = 'compare' and known.equal + known.unsettled + known.diverged > 0
    ), paused as (
        select one.minute, one.minute - lag(one.minute) over (order by one.minute) as pause from with_compared as one
    ), run as (
        select max(one.minute) filter (where one.pause is null or one.pause > interval '12 hours') as began,
            max(one.minute) + interval '1 minute' as ended
        from paused as one
    )
    select extract(epoch from run.ended - run.began)::double precision,
        coalesce(sum(known.operations) filter (where known.action not in ('compare', 'mirror')), 0)::bigint,
        coalesce(sum(known.errors) filter (where known.action not in ('compare', 'mirror')), 0)::bigint,
        coalesce(sum(known.equal + known.diverged) filter (where known.action = 'compare'), 0)::bigint,
        coalesce(sum(known.diverged) filter (where known.action = 'compare'), 0)::bigint
    from run join turnout.minutes as known on known.minute >= run.began
    where run.ended > clock_timestamp() - interval '12 hours'
    group by run.ended, run.began;
end $$;
