-- What the database is, and what the asked tables and schemas hold: one JSON object. Runs with an empty search path, so that every
-- definition names schemas.
with
relation as (
    select relation.*, namespace.nspname as schema_name, asked.place,
        format('%I.%I', namespace.nspname, relation.relname) as qualified
    from unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place)
    join pg_catalog.pg_namespace as namespace on namespace.nspname = asked.schema_name
    join pg_catalog.pg_class as relation on relation.relnamespace = namespace.oid
        and relation.relname = asked.table_name and relation.relkind in ('r', 'p')
),
-- What belongs to extensions comes and goes with them.
of_extension as (
    select classid, objid from pg_catalog.pg_depend where deptype = 'e'
),
-- The sequences that columns take their numbers from, by default or as an identity.
numbered as (
    select distinct attribute.attrelid, attribute.attnum, sequence.oid as sequence
    from relation
    join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum > 0
    left join pg_catalog.pg_attrdef as fallback
        on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
    join pg_catalog.pg_depend as depends
        on depends.classid = 'pg_catalog.pg_attrdef'::regclass and depends.objid = fallback.oid
            and depends.refclassid = 'pg_catalog.pg_class'::regclass
        or depends.classid = 'pg_catalog.pg_class'::regclass and depends.refclassid = 'pg_catalog.pg_class'::regclass
            and depends.refobjid = attribute.attrelid and depends.refobjsubid = attribute.attnum and depends.deptype = 'i'
    join pg_catalog.pg_class as sequence on sequence.relkind = 'S' and sequence.oid = case
        when depends.classid = 'pg_catalog.pg_attrdef'::regclass then depends.refobjid else depends.objid
    end
),
enumeration as (
    select type.oid, type.typname, namespace.nspname
    from pg_catalog.pg_type as type
    join pg_catalog.pg_namespace as namespace on namespace.oid = type.typnamespace
    where type.typtype = 'e' and (namespace.nspname = any ($3::text[]) or exists (
        select from relation
        join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid and not attribute.attisdropped
        where attribute.atttypid in (type.oid, type.typarray)
    ))
)
select json_build_object(
    'database', (
        select json_build_object(
            'name', datname,
            'version', current_setting('server_version_num')::int4,
            'encoding', pg_encoding_to_char(encoding),
            'collation', datcollate,
            'ctype', datctype,
            'provider', coalesce(to_json(database) ->> 'datlocprovider', 'c'),
            'locale', coalesce(to_json(database) ->> 'datlocale', to_json(database) ->> 'daticulocale'),
            -- The session has one of its own, so what sessions begin with is read from where it is kept.
            'time_zone', coalesce((
                select substring(setting from '=(.*)$')
                from pg_catalog.pg_db_role_setting as kept, unnest(kept.setconfig) as setting
                where setting ilike 'timezone=%' and kept.setdatabase in (0, database.oid)
                    and kept.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = current_user))
                order by kept.setrole <> 0 desc, kept.setdatabase <> 0 desc
                limit 1
            ), case when has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'execute') then
                substring(query_to_xml(
                    'select setting from pg_catalog.pg_file_settings where name ilike ''timezone'' and error is null '
                    'order by seqno desc limit 1', false, false, ''
                )::text from '<setting>([^<]*)</setting>')
            end),
            'role', current_user,
            'superuser', (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
            'bypasses_row_security', (
                select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = current_user
            ),
            'creates_schemas', has_database_privilege(datname, 'create') or to_regnamespace('turnout') is not null,
            -- Sessions of the mirror begin with it where that is granted.
            'silences_triggers', current_setting('session_replication_role') = 'replica'
        )
        from pg_catalog.pg_database as database where datname = current_database()
    ),
    'roles', (select json_agg(rolname order by rolname) from pg_catalog.pg_roles where rolname not like 'pg\_%'),
    'extensions', coalesce((
        select json_agg(json_build_object(
            'name', extension.extname,
            'version', extension.extversion,
            'schema', namespace.nspname,
            'used', exists (
                select from relation
                join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum > 0
                left join pg_catalog.pg_attrdef as fallback
                    on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
                left join pg_catalog.pg_index as key on key.indrelid = relation.oid
                join pg_catalog.pg_depend as member on member.deptype = 'e' and member.refobjid = extension.oid
                    and member.refclassid = 'pg_catalog.pg_extension'::regclass and (
                        member.classid = 'pg_catalog.pg_type'::regclass and member.objid = attribute.atttypid
                        or member.classid = 'pg_catalog.pg_opclass'::regclass and member.objid = any (key.indclass)
                        or member.classid = 'pg_catalog.pg_proc'::regclass and exists (
                            select from pg_catalog.pg_depend as calls
                            where calls.classid = 'pg_catalog.pg_attrdef'::regclass and calls.objid = fallback.oid
                                and calls.refclassid = member.classid and calls.refobjid = member.objid
                        )
                    )
            )
        ) order by extension.extname)
        from pg_catalog.pg_extension as extension
        join pg_catalog.pg_namespace as namespace on namespace.oid = extension.extnamespace
        where extension.extname <> 'plpgsql'
    ), '[]'),
    'enums', coalesce((
        select json_agg(json_build_object(
            'schema', enumeration.nspname,
            'name', enumeration.typname,
            'labels', (
                select json_agg(enumlabel order by enumsortorder) from pg_catalog.pg_enum where enumtypid = enumeration.oid
            ),
            'columns', coalesce((
                select json_agg(json_build_object(
                    'table', format('%I.%I', home.nspname, used_by.relname),
                    'column', attribute.attname,
                    'is_array', attribute.atttypid <> enumeration.oid,
                    'default', pg_get_expr(fallback.adbin, fallback.adrelid)
                ) order by home.nspname, used_by.relname, attribute.attnum)
                from pg_catalog.pg_attribute as attribute
                join pg_catalog.pg_class as used_by
                    on used_by.oid = attribute.attrelid and used_by.relkind in ('r', 'p') and not used_by.relispartition
                join pg_catalog.pg_namespace as home on home.oid = used_by.relnamespace
                left join pg_catalog.pg_attrdef as fallback
                    on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
                where not attribute.attisdropped and attribute.atttypid in (
                    enumeration.oid, (select typarray from pg_catalog.pg_type where oid = enumeration.oid)
                )
            ), '[]')
        ) order by enumeration.nspname, enumeration.typname)
        from enumeration
    ), '[]'),
    'tables', coalesce((
        select json_agg(json_build_object(
            'place', relation.place,
            'schema', relation.schema_name,
            'name', relation.relname,
            'partitioned_by', case when relation.relkind = 'p' then pg_get_partkeydef(relation.oid) end,
            'owner', pg_get_userbyid(relation.relowner),
            'owned', pg_has_role(relation.relowner, 'usage'),
            'row_security', relation.relrowsecurity,
            'forced_row_security', relation.relforcerowsecurity,
            'rows', greatest(relation.reltuples, 0)::int8,
            'bytes', pg_total_relation_size(relation.oid),
            'columns', coalesce((
                select json_agg(json_build_object(
                    'name', attribute.attname,
                    'type', format_type(attribute.atttypid, attribute.atttypmod),
                    -- An extension may have its own schema on each side.
                    'compared_type', case
                        when exists (
                            select from of_extension where classid = 'pg_catalog.pg_type'::regclass and objid = type.oid
                        ) then regexp_replace(
                            format_type(attribute.atttypid, attribute.atttypmod), '^("([^"]|"")+"|[^."( ]+)\.', ''
                        )
                        else format_type(attribute.atttypid, attribute.atttypmod)
                    end,
                    'domain', case when type.typtype = 'd' then concat(
                        format_type(type.typbasetype, type.typtypmod),
                        case when type.typnotnull then ' NOT NULL' end,
                        (
                            select string_agg(' ' || pg_get_constraintdef(oid), '' order by pg_get_constraintdef(oid))
                            from pg_catalog.pg_constraint where contypid = type.oid and contype = 'c'
                        )
                    ) end,
                    'is_number', type.typcategory = 'N',
                    'not_null', attribute.attnotnull,
                    'default', case when attribute.attgenerated = '' then pg_get_expr(fallback.adbin, fallback.adrelid) end,
                    'generated', case
                        when attribute.attgenerated <> '' then pg_get_expr(fallback.adbin, fallback.adrelid)
                    end,
                    'identity', nullif(attribute.attidentity::text, ''),
                    'collation', case
                        when attribute.attcollation <> 0 and attribute.attcollation <> type.typcollation
                        then format('%I.%I', alike_home.nspname, alike.collname)
                    end,
                    'sequence', (
                        select json_build_object(
                            'name', format('%I.%I', home.nspname, class.relname),
                            'type', format_type(sequence.seqtypid, null),
                            'increment', sequence.seqincrement,
                            'usable', has_sequence_privilege(class.oid, 'select')
                                and has_sequence_privilege(class.oid, 'usage'),
                            'owned', exists (
                                select from pg_catalog.pg_depend as depends
                                where depends.classid = 'pg_catalog.pg_class'::regclass and depends.objid = class.oid
                                    and depends.refclassid = 'pg_catalog.pg_class'::regclass
                                    and depends.refobjid = attribute.attrelid and depends.refobjsubid = attribute.attnum
                                    and depends.deptype in ('a', 'i')
                            )
                        )
                        from numbered
                        join pg_catalog.pg_sequence as sequence on sequence.seqrelid = numbered.sequence
                        join pg_catalog.pg_class as class on class.oid = numbered.sequence
                        join pg_catalog.pg_namespace as home on home.oid = class.relnamespace
                        where numbered.attrelid = attribute.attrelid and numbered.attnum = attribute.attnum
                        limit 1
                    )
                ) order by attribute.attnum)
                from pg_catalog.pg_attribute as attribute
                join pg_catalog.pg_type as type on type.oid = attribute.atttypid
                left join pg_catalog.pg_collation as alike on alike.oid = attribute.attcollation
                left join pg_catalog.pg_namespace as alike_home on alike_home.oid = alike.collnamespace
                left join pg_catalog.pg_attrdef as fallback
                    on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
                where attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
            ), '[]'),
            'constraints', coalesce((
                select json_agg(json_build_object(
                    'name', item.conname,
                    'kind', item.contype,
                    'definition', regexp_replace(pg_get_constraintdef(item.oid), ' NOT VALID$', ''),
                    'validated', item.convalidated,
                    'expression', case when item.contype = 'c' then pg_get_expr(item.conbin, item.conrelid) end,
                    'columns', coalesce((
                        select json_agg(attribute.attname order by part.place)
                        from unnest(item.conkey) with ordinality as part (number, place)
                        join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = item.conrelid and attribute.attnum = part.number
                    ), '[]'),
                    'target', (
                        select format('%I.%I', home.nspname, target.relname)
                        from pg_catalog.pg_class as target
                        join pg_catalog.pg_namespace as home on home.oid = target.relnamespace
                        where target.oid = item.confrelid
                    ),
                    'target_columns', coalesce((
                        select json_agg(attribute.attname order by part.place)
                        from unnest(item.confkey) with ordinality as part (number, place)
                        join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = item.confrelid and attribute.attnum = part.number
                    ), '[]')
                ) order by item.contype <> 'p', item.conname)
                from pg_catalog.pg_constraint as item
                where item.conrelid = relation.oid and item.contype in ('p', 'u', 'c', 'x', 'f')
            ), '[]'),
            'referenced_by', coalesce((
                select json_agg(json_build_object(
                    'table', format('%I.%I', home.nspname, child.relname),
                    'columns', (
                        select json_agg(attribute.attname order by part.place)
                        from unnest(item.conkey) with ordinality as part (number, place)
                        join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = item.conrelid and attribute.attnum = part.number
                    ),
                    'target_columns', (
                        select json_agg(attribute.attname order by part.place)
                        from unnest(item.confkey) with ordinality as part (number, place)
                        join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = item.confrelid and attribute.attnum = part.number
                    )
                ) order by item.oid)
                from pg_catalog.pg_constraint as item
                join pg_catalog.pg_class as child on child.oid = item.conrelid
                join pg_catalog.pg_namespace as home on home.oid = child.relnamespace
                where item.confrelid = relation.oid and item.contype = 'f' and item.conparentid = 0
            ), '[]'),
            'indexes', coalesce((
                select json_agg(json_build_object(
                    'name', class.relname,
                    'definition', pg_get_indexdef(key.indexrelid),
                    'shape', regexp_replace(pg_get_indexdef(key.indexrelid), '^.*? USING ', ''),
                    'unique', key.indisunique,
                    'valid', key.indisvalid,
                    'immediate', key.indimmediate,
                    'nulls_not_distinct', coalesce((to_json(key) ->> 'indnullsnotdistinct')::boolean, false),
                    'constraint', (
                        select conname from pg_catalog.pg_constraint
                        where conindid = key.indexrelid and contype in ('p', 'u', 'x') limit 1
                    ),
                    'expressions', (
                        select json_agg(pg_get_indexdef(key.indexrelid, place, false) order by place)
                        from generate_series(1, key.indnkeyatts) as place
                    ),
                    'plain', key.indexprs is null,
                    'predicate', pg_get_expr(key.indpred, key.indrelid)
                ) order by class.relname)
                from pg_catalog.pg_index as key
                join pg_catalog.pg_class as class on class.oid = key.indexrelid
                where key.indrelid = relation.oid
            ), '[]'),
            'triggers', coalesce((
                select json_agg(json_build_object(
                    'name', tgname,
                    'definition', pg_get_triggerdef(oid),
                    'enabled', tgenabled
                ) order by tgname)
                from pg_catalog.pg_trigger
                where tgrelid = relation.oid and not tgisinternal and tgname not like 'turnout\_%'
            ), '[]'),
            'policies', coalesce((
                select json_agg(json_build_object(
                    'name', policy.polname,
                    'roles', roles.names,
                    'definition', concat(
                        format('create policy %I on %s', policy.polname, relation.qualified),
                        case when not policy.polpermissive then ' as restrictive' end,
                        case policy.polcmd
                            when 'r' then ' for select' when 'a' then ' for insert' when 'w' then ' for update'
                            when 'd' then ' for delete'
                        end,
                        ' to ' || roles.listed,
                        ' using (' || pg_get_expr(policy.polqual, policy.polrelid) || ')',
                        ' with check (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')'
                    )
                ) order by policy.polname)
                from pg_catalog.pg_policy as policy, lateral (
                    select coalesce(json_agg(role.rolname order by role.rolname) filter (where role.rolname is not null), '[]') as names,
                        string_agg(coalesce(quote_ident(role.rolname), 'public'), ', ' order by role.rolname) as listed
                    from unnest(policy.polroles) as granted (oid)
                    left join pg_catalog.pg_roles as role on role.oid = granted.oid
                ) as roles
                where policy.polrelid = relation.oid
            ), '[]'),
            'grants', coalesce((
                select json_agg(json_build_object(
                    'role', coalesce(role.rolname, 'public'), 'privilege', lower(privilege.privilege_type)
                ) order by role.rolname, privilege.privilege_type)
                from aclexplode(relation.relacl) as privilege
                left join pg_catalog.pg_roles as role on role.oid = privilege.grantee
                where privilege.grantee <> relation.relowner
            ), '[]')
        ) order by relation.place)
        from relation
    ), '[]'),
    'functions', coalesce((
        select json_agg(json_build_object(
            'name', format(
                '%I.%I(%s)', namespace.nspname, routine.proname, pg_get_function_identity_arguments(routine.oid)
            ),
            'definition', rtrim(pg_get_functiondef(routine.oid), E' \n'),
            'procedure', routine.prokind = 'p'
        ) order by namespace.nspname, routine.proname, pg_get_function_identity_arguments(routine.oid))
        from pg_catalog.pg_proc as routine
        join pg_catalog.pg_namespace as namespace on namespace.oid = routine.pronamespace
        where namespace.nspname = any ($3::text[]) and routine.prokind in ('f', 'p') and not exists (
            select from of_extension where classid = 'pg_catalog.pg_proc'::regclass and objid = routine.oid
        )
    ), '[]'),
    'views', coalesce((
        select json_agg(json_build_object(
            'name', format('%I.%I', namespace.nspname, view.relname),
            'definition', format(
                'create%s view %I.%I%s as%s', case when view.relkind = 'm' then ' materialized' else ' or replace' end,
                namespace.nspname, view.relname,
                case when view.relkind = 'v' then ' with (' || array_to_string(view.reloptions, ', ') || ')' end,
                E'\n' || rtrim(pg_get_viewdef(view.oid), ';')
            ),
            'materialized', view.relkind = 'm'
        ) order by view.oid)
        from pg_catalog.pg_class as view
        join pg_catalog.pg_namespace as namespace on namespace.oid = view.relnamespace
        where namespace.nspname = any ($3::text[]) and view.relkind in ('v', 'm') and not exists (
            select from of_extension where classid = 'pg_catalog.pg_class'::regclass and objid = view.oid
        )
    ), '[]')
)::text
