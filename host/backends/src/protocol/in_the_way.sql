select coalesce(json_agg(session), '[]')::text from (
    select format(
        'table %s, pid %s (application %s, user %s, since %s, last statement %s)',
        string_agg(distinct held.relation::regclass::text, ', '),
        activity.pid,
        coalesce(nullif(activity.application_name, ''), 'unknown'),
        coalesce(activity.usename, 'unknown'),
        to_char(activity.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'),
        -- Its first word only: the rest may hold personal data.
        coalesce(substring(activity.query from '^\s*(\w+)'), 'unknown')
    ) as session
    from pg_catalog.pg_locks as held
    join pg_catalog.pg_stat_activity as activity using (pid)
    where held.granted and held.locktype = 'relation' and held.pid <> pg_backend_pid()
        and held.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and held.relation in (
            select coalesce(part.relid, to_regclass(name))
            from unnest($1::text[]) as name
            left join lateral pg_catalog.pg_partition_tree(to_regclass(name)) as part on true
        )
    group by activity.pid, activity.application_name, activity.usename, activity.xact_start, activity.query
    order by activity.xact_start
) as holding
