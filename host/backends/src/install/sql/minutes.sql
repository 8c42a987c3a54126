-- What the hosts did, minute by minute, on the side `new` alone: what `turnout report` shows. It is kept for thirty days.

create table if not exists turnout.minutes (
    minute timestamptz not null,
    -- A host since it began, so that what it says of a minute is said once; empty for what all hosts compared.
    host text not null,
    -- Empty for all those together whose mirror was not behind.
    repository text not null,
    -- What was done, or `mirror` for the mirror of changes on the backend, or `compare` for reads that were compared.
    action text not null,
    -- The backend that answered, or `none`.
    backend text not null,
    operations bigint not null default 0,
    errors bigint not null default 0,
    -- How many operations waited so long for the backend, by buckets that each end √2 times as late as the one before.
    latency bigint[] not null default '{}',
    equal bigint not null default 0,
    unsettled bigint not null default 0,
    diverged bigint not null default 0,
    -- The most that was seen within the minute.
    mirror_age_ms bigint,
    dirty bigint,
    primary key (minute, host, repository, action, backend)
);

-- How many alerts the hosts raised.
create table if not exists turnout.minute_alerts (
    minute timestamptz not null,
    host text not null,
    kind text not null,
    severity text not null,
    alerts bigint not null,
    primary key (minute, host, kind, severity)
);

-- The changes of epochs: of those with the same set the record of epochs keeps the last alone.
create table if not exists turnout.past_handoff (
    epoch bigint primary key,
    made_at timestamptz not null,
    seconds double precision,
    forced text
);

-- Adds what a host did in minutes that are over: objects with the columns of both tables, the minute in seconds of Unix time. What is
-- there already stays, so that a host may say it again. What all hosts compared within the last minutes, and the epochs on record, are
-- taken along.
create or replace function turnout.add_minutes(in_host text, in_minutes json, in_alerts json) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    delete from turnout.minutes where minute < clock_timestamp() - interval '30 days';
    delete from turnout.minute_alerts where minute < clock_timestamp() - interval '30 days';
    delete from turnout.past_handoff where made_at < clock_timestamp() - interval '30 days';
    insert into turnout.minutes (
        minute, host, repository, action, backend, operations, errors, latency, mirror_age_ms, dirty
    )
    select to_timestamp(given.minute), in_host, given.repository, given.action, given.backend,
        given.operations, given.errors, given.latency, given.mirror_age_ms, given.dirty
    from json_to_recordset(in_minutes) as given (
        minute bigint, repository text, action text, backend text, operations bigint, errors bigint, latency bigint[],
        mirror_age_ms bigint, dirty bigint
    )
    on conflict do nothing;
    insert into turnout.minute_alerts (minute, host, kind, severity, alerts)
    select to_timestamp(given.minute), in_host, given.kind, given.severity, given.alerts
    from json_to_recordset(in_alerts) as given (minute bigint, kind text, severity text, alerts bigint)
    on conflict do nothing;
    insert into turnout.minutes as known (minute, host, repository, action, backend, equal, unsettled, diverged)
    select date_trunc('minute', at), '', served.table_name, 'compare', 'none', sum(equal), sum(unsettled), sum(diverged)
    from turnout.comparison join turnout.repository as served on served.number = comparison.repository
    where source = 'read' and at > date_trunc('minute', clock_timestamp() - interval '10 minutes')
        -- A minute of which no host has told would seem to be one without operations.
        and at < (select to_timestamp(max((given ->> 'minute')::bigint) + 60) from json_array_elements(in_minutes) as given)
    group by 1, served.table_name
    order by 1, served.table_name
    on conflict (minute, host, repository, action, backend) do update
    set equal = excluded.equal, unsettled = excluded.unsettled, diverged = excluded.diverged;
    insert into turnout.past_handoff as known (epoch, made_at, seconds, forced)
    select epoch, made_at, extract(epoch from released_at - made_at)::double precision, forced
    from turnout.epoch where made_at > clock_timestamp() - interval '30 days'
    order by epoch
    on conflict (epoch) do update set seconds = excluded.seconds where known.seconds is null and excluded.seconds is not null;
$$;

-- What the hosts did from a moment on, summed by so many seconds, and by backend.
create or replace function turnout.minutes_since(in_since timestamptz, in_step integer)
returns table (
    at bigint, backend text, operations bigint, errors bigint, latency bigint[], equal bigint, unsettled bigint, diverged bigint,
    mirror_age_ms bigint, dirty bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    with stepped as (
        select (floor(extract(epoch from minute) / in_step) * in_step)::bigint as at, known.*
        from turnout.minutes as known where minute >= in_since
    ), counted as (
        select stepped.at, stepped.backend, place, sum(count)::bigint as count
        from stepped cross join lateral unnest(stepped.latency) with ordinality as bucket (count, place)
        group by stepped.at, stepped.backend, place
    ), latencies as (
        select counted.at, counted.backend, array_agg(count order by place) as latency
        from counted group by counted.at, counted.backend
    ), mirrored as (
        -- What waits is of all repositories at one moment; every host sees the same.
        select each.at, each.backend, max(each.dirty)::bigint as dirty
        from (
            select stepped.at, stepped.backend, minute, host, sum(stepped.dirty) as dirty
            from stepped group by stepped.at, stepped.backend, minute, host
        ) as each group by each.at, each.backend
    )
    select stepped.at, stepped.backend, sum(stepped.operations)::bigint, sum(stepped.errors)::bigint,
        coalesce(min(latencies.latency), '{}'), sum(stepped.equal)::bigint, sum(stepped.unsettled)::bigint, sum(stepped.diverged)::bigint,
        max(stepped.mirror_age_ms), min(mirrored.dirty)
    from stepped left join latencies using (at, backend) left join mirrored using (at, backend)
    group by stepped.at, stepped.backend
    order by stepped.at, stepped.backend
$$;

-- What the hosts did from a moment on, by repository, action and backend.
create or replace function turnout.minutes_by_operation(in_since timestamptz)
returns table (repository text, action text, backend text, operations bigint, errors bigint, latency bigint[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    with counted as (
        select known.repository, known.action, known.backend, place, sum(count)::bigint as count
        from turnout.minutes as known cross join lateral unnest(latency) with ordinality as bucket (count, place)
        where minute >= in_since group by known.repository, known.action, known.backend, place
    ), latencies as (
        select counted.repository, counted.action, counted.backend, array_agg(count order by place) as latency
        from counted group by counted.repository, counted.action, counted.backend
    )
    select known.repository, known.action, known.backend, sum(known.operations)::bigint, sum(known.errors)::bigint,
        coalesce(min(latencies.latency), '{}')
    from turnout.minutes as known left join latencies using (repository, action, backend)
    where minute >= in_since and known.operations > 0
    group by known.repository, known.action, known.backend
    order by known.repository, known.action, known.backend
$$;

-- How many alerts of each kind the hosts raised from a moment on, summed by so many seconds.
create or replace function turnout.alerts_since(in_since timestamptz, in_step integer)
returns table (at bigint, kind text, severity text, alerts bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select (floor(extract(epoch from minute) / in_step) * in_step)::bigint as at, kind, severity, sum(alerts)::bigint
    from turnout.minute_alerts where minute >= in_since
    group by 1, kind, severity order by 1, kind, severity
$$;

-- The changes of epochs from a moment on: when they were made, and how long it took until they were released (null if they were not).
create or replace function turnout.handoffs_since(in_since timestamptz)
returns table (epoch bigint, at bigint, seconds double precision, forced text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    with all_of_them as (
        select epoch, made_at, extract(epoch from released_at - made_at)::double precision as seconds, forced from turnout.epoch
        union all
        select past.epoch, past.made_at, past.seconds, past.forced from turnout.past_handoff as past
        where not exists (select from turnout.epoch where epoch.epoch = past.epoch)
    )
    select epoch, extract(epoch from made_at)::bigint, seconds, forced
    from all_of_them where made_at >= in_since order by epoch
$$;

-- The first minute that is kept, in seconds of Unix time; null if there is none.
create or replace function turnout.first_minute() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select extract(epoch from min(minute))::bigint from turnout.minutes $$;
