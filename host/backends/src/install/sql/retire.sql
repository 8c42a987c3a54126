-- What `turnout retire` asks of one side.

-- Whether an applier of this side's changes is at work: a host runs.
create or replace function turnout.is_applied() returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from turnout.lease
        where direction = 'outgoing' and holder is not null and renewed_at > clock_timestamp() - interval '10 seconds'
    )
$$;
