-- What a handoff asks: which subjects have something left to be mirrored, and what is left of those that move.

-- The groups (table and subject) that entries of epochs before this one are left of, in these tables, after a group in their
-- order: the first group has no table before it. At most `most`.
create or replace function turnout.left_groups(
    epoch bigint, tables smallint[], after_table smallint, after_subject text, most integer
)
returns table (repository smallint, subject text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select entry.repository, entry.subject
    from (
        select dirty.repository, dirty.subject collate "C" as subject from turnout.dirty
        where dirty.epoch < left_groups.epoch and dirty.repository = any(tables)
        union
        select held.repository, unnest(held.subjects) collate "C" from turnout.held
        where held.epoch < left_groups.epoch and held.repository = any(tables)
    ) as entry
    where (entry.repository, entry.subject is not null, coalesce(entry.subject, ''))
        > (after_table, after_subject is not null, coalesce(after_subject, ''))
        or after_table is null
    order by entry.repository, entry.subject is not null, coalesce(entry.subject, '')
    limit most
$$;

-- What is left of groups, as JSON (repository, subject), of epochs before this one: how many entries, how many of them are parked,
-- and why the first of those is. As somebody waits, what rests after a failure is tried again soon.
create or replace function turnout.left_of(epoch bigint, groups json)
returns table (repository smallint, subject text, keys bigint, parked bigint, reason text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update turnout.held set due = clock_timestamp() + interval '100 milliseconds'
    where parked_at is null and held.epoch < left_of.epoch and due > clock_timestamp() + interval '100 milliseconds'
        and held.repository in (select wanted.repository from json_to_recordset(groups) as wanted (repository smallint));
    select entry.repository, entry.subject, count(*), count(entry.reason), min(entry.reason)
    from (
        select dirty.repository, dirty.subject, null as reason from turnout.dirty where dirty.epoch < left_of.epoch
        union all
        select held.repository, unnest(held.subjects),
            case when held.parked_at is not null then concat_ws(' ', held.sqlstate, nullif(held.reason, '')) end
        from turnout.held where held.epoch < left_of.epoch
    ) as entry
    join json_to_recordset(groups) as wanted (repository smallint, subject text)
        on wanted.repository = entry.repository and coalesce(wanted.subject, '') = coalesce(entry.subject, '')
        and (wanted.subject is null) = (entry.subject is null)
    group by entry.repository, entry.subject
$$;

-- The groups in these tables that somebody wrote directly since the fence rose to this epoch, at most `most`.
create or replace function turnout.direct_groups(epoch bigint, tables smallint[], most integer)
returns table (repository smallint, subject text)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select distinct dirty.repository, dirty.subject from turnout.dirty
    where dirty.behind and dirty.epoch >= direct_groups.epoch and dirty.repository = any(tables)
    limit most
$$;
