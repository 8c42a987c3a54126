-- What goes on in the database beside Turnout, and how many sessions it lets in: one JSON object.
select json_build_object(
    'transactions', coalesce((
        select json_agg(json_build_object(
            'pid', pid,
            'user', usename,
            'application', application_name,
            'state', state,
            'seconds', extract(epoch from clock_timestamp() - xact_start)::int8
        ) order by xact_start)
        from pg_catalog.pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
            and xact_start < clock_timestamp() - make_interval(secs => $1::float8)
    ), '[]'),
    'prepared', coalesce((
        select json_agg(json_build_object(
            'gid', gid, 'owner', owner, 'seconds', extract(epoch from clock_timestamp() - prepared)::int8
        ) order by prepared)
        from pg_catalog.pg_prepared_xacts where database = current_database()
    ), '[]'),
    'server_limit', current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
        - coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int8,
    'database_limit', (select nullif(datconnlimit, -1) from pg_catalog.pg_database where datname = current_database()),
    'role_limit', (select nullif(rolconnlimit, -1) from pg_catalog.pg_roles where rolname = current_user),
    'used_by_others', (
        select count(*) from pg_catalog.pg_stat_activity
        where backend_type = 'client backend' and application_name <> 'turnout'
    )
)::text
