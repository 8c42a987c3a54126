-- What a rollback takes back.

-- The number of the last cutover that was not taken back, and the epoch that was in force before it.
create or replace function turnout.open_cutover() returns table (number bigint, from_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select cutover.number, (cutover.result ->> 'from_epoch')::bigint
    from turnout.evidence as cutover
    where cutover.kind = 'handoff' and cutover.result ->> 'step' = 'cutover' and not exists (
        select from turnout.evidence as back
        where back.kind = 'handoff' and back.result ->> 'step' = 'rollback' and back.result ->> 'of' = cutover.number::text
    )
    order by cutover.number desc
    limit 1
$$;
