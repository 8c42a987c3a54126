-- What the exposed schemas hold, and for which side Turnout is installed: one JSON object.
with recursive
-- What each domain is made of at last, as a domain may be made of a domain.
domain (type, base) as (
    select oid, typbasetype from pg_catalog.pg_type where typtype = 'd'
    union all
    select domain.type, type.typbasetype
    from domain join pg_catalog.pg_type as type on type.oid = domain.base
    where type.typtype = 'd'
),
base (type, base) as (
    select domain.type, domain.base
    from domain join pg_catalog.pg_type as type on type.oid = domain.base
    where type.typtype <> 'd'
),
relation as (
    select relation.oid, relation.relkind, relation.relname, relation.reltype, namespace.nspname, asked.place
    from pg_catalog.pg_class as relation
    join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
    left join unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place)
        on asked.schema_name = namespace.nspname and asked.table_name = relation.relname
    where relation.relkind in ('r', 'p', 'f', 'v', 'm')
        and (asked.place is not null or namespace.nspname = any ($3::text[]) and not relation.relispartition)
),
-- The relations that each view is made of, whichever views are between.
part (view, oid) as (
    select rule.ev_class, depends.refobjid
    from relation
    join pg_catalog.pg_rewrite as rule on rule.ev_class = relation.oid and rule.ev_type = '1'
    join pg_catalog.pg_depend as depends
        on depends.classid = 'pg_catalog.pg_rewrite'::regclass and depends.objid = rule.oid
        and depends.refclassid = 'pg_catalog.pg_class'::regclass and depends.refobjid <> rule.ev_class
    union
    select part.view, depends.refobjid
    from part
    join pg_catalog.pg_rewrite as rule on rule.ev_class = part.oid and rule.ev_type = '1'
    join pg_catalog.pg_depend as depends
        on depends.classid = 'pg_catalog.pg_rewrite'::regclass and depends.objid = rule.oid
        and depends.refclassid = 'pg_catalog.pg_class'::regclass and depends.refobjid <> rule.ev_class
)
select json_build_object(
    'fence', to_regclass('turnout.fence') is not null,
    -- A query of its own, as without an installation there is no such table.
    'side', case when to_regclass('turnout.side') is not null then
        substring(query_to_xml('select name from turnout.side', false, false, '')::text from '<name>([^<]*)</name>')
    end,
    -- What is set for the roles that requests may run under, as far as it may be set for a transaction.
    'roles', coalesce((
        select json_agg(json_build_object('role', role.rolname, 'name', setting.name, 'value', setting.value)
            order by role.rolname, setting.name)
        from pg_catalog.pg_roles as role
        cross join lateral (
            select split_part(line, '=', 1) as name, substr(line, strpos(line, '=') + 1) as value
            from unnest(role.rolconfig) as line
        ) as setting
        join pg_catalog.pg_settings as known on known.name = setting.name and known.context = 'user'
        where pg_has_role(role.oid, 'member') and role.rolname <> current_user
    ), '[]'),
    'tables', coalesce((
        select json_agg(json_build_object(
            'oid', relation.oid::int8,
            'place', relation.place,
            'schema', relation.nspname,
            'name', relation.relname,
            'kind', relation.relkind,
            'columns', coalesce((
                select json_agg(json_build_object(
                    'number', attribute.attnum,
                    'name', attribute.attname,
                    'type', format_type(attribute.atttypid, -1),
                    'compared_type', format_type(coalesce(base.base, attribute.atttypid), -1),
                    'not_null', attribute.attnotnull,
                    'default', pg_get_expr(fallback.adbin, fallback.adrelid),
                    'generated', case
                        when attribute.attgenerated <> '' then 'stored'
                        when attribute.attidentity = 'a' then 'identity_always'
                        when attribute.attidentity = 'd' then 'identity_by_default'
                        else 'no'
                    end
                ) order by attribute.attnum)
                from pg_catalog.pg_attribute as attribute
                left join base on base.type = attribute.atttypid
                left join pg_catalog.pg_attrdef as fallback
                    on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
                where attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
            ), '[]'),
            'keys', coalesce((
                select json_agg(json_build_object(
                    'primary', key.indisprimary,
                    'columns', (
                        select json_agg(attribute.attname order by part.place)
                        from unnest(key.indkey) with ordinality as part (number, place)
                        join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = key.indrelid and attribute.attnum = part.number
                        where part.place <= key.indnkeyatts
                    )
                ) order by key.indisprimary desc, key.indexrelid)
                from pg_catalog.pg_index as key
                where key.indrelid = relation.oid and key.indisunique and key.indisvalid and key.indimmediate
                    and key.indpred is null and key.indexprs is null
            ), '[]'),
            'references', coalesce((
                select json_agg(json_build_object('schema', target_space.nspname, 'table', target.relname))
                from pg_catalog.pg_constraint as reference
                join pg_catalog.pg_class as target on target.oid = reference.confrelid
                join pg_catalog.pg_namespace as target_space on target_space.oid = target.relnamespace
                where reference.conrelid = relation.oid and reference.contype = 'f'
            ), '[]'),
            'parts', coalesce((
                select json_agg(json_build_object('schema', part_space.nspname, 'table', made_of.relname))
                from part
                join pg_catalog.pg_class as made_of on made_of.oid = part.oid and made_of.relkind in ('r', 'p', 'f')
                join pg_catalog.pg_namespace as part_space on part_space.oid = made_of.relnamespace
                where part.view = relation.oid
            ), '[]'),
            -- The tree of the view's query, of which only the braces and the fields that say where its columns come from are left.
            'tree', (
                select regexp_replace(
                    -- Names and texts may hold braces, each after a backslash.
                    regexp_replace(rule.ev_action::text, '\\.', '', 'g'),
                    ' :(?!(targetList|resno|resorigtbl|resorigcol) )[^{}()]*?(?= :|[{}()])', '', 'g'
                )
                from pg_catalog.pg_rewrite as rule
                where rule.ev_class = relation.oid and rule.ev_type = '1' and relation.relkind in ('v', 'm')
            )
        ) order by relation.nspname, relation.relname)
        from relation
    ), '[]'),
    'constraints', coalesce((
        select json_agg(json_build_object(
            'name', conname,
            'kind', contype,
            'table', conrelid::int8,
            'columns', conkey,
            'target', confrelid::int8,
            'target_columns', confkey
        ) order by conrelid, conname)
        from pg_catalog.pg_constraint
        where contype in ('p', 'u', 'f') and conparentid = 0
            and not connamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    ), '[]'),
    'functions', coalesce((
        select json_agg(json_build_object(
            'schema', namespace.nspname,
            'name', function.proname,
            'arguments', coalesce(argument.all, '[]'),
            'type', format_type(function.prorettype, -1),
            'row_of', nullif(returned.typrelid, 0)::int8,
            'is_void', function.prorettype = 'pg_catalog.void'::regtype,
            'set', function.proretset,
            'one_row', not function.proretset or function.prorows = 1,
            'columns', coalesce((
                select json_agg(json_build_object(
                    'name', out.name,
                    'type', format_type(out.type, -1),
                    'compared_type', format_type(coalesce(base.base, out.type), -1),
                    'not_null', false,
                    'default', null,
                    'generated', 'no'
                ) order by out.place)
                from unnest(function.proallargtypes, function.proargnames, function.proargmodes)
                    with ordinality as out (type, name, mode, place)
                left join base on base.type = out.type
                where out.mode in ('o', 'b', 't')
            ), '[]'),
            'volatility', function.provolatile
        ) order by namespace.nspname, function.proname, function.oid)
        from pg_catalog.pg_proc as function
        join pg_catalog.pg_namespace as namespace on namespace.oid = function.pronamespace
        join pg_catalog.pg_type as result on result.oid = function.prorettype
        left join base as result_base on result_base.type = result.oid
        join pg_catalog.pg_type as returned on returned.oid = coalesce(result_base.base, result.oid)
        left join lateral (
            select
                count(*) filter (where coalesce(sent.name, '') = '') as unnamed,
                min(sent.type::int8) filter (where coalesce(sent.name, '') = '') as unnamed_type,
                json_agg(json_build_object(
                    'name', coalesce(sent.name, ''),
                    'type', format_type(sent.type, -1),
                    'row_of', nullif(type.typrelid, 0)::int8,
                    'variadic', sent.mode = 'v',
                    'optional', sent.place > function.pronargs - function.pronargdefaults
                ) order by sent.place) as all
            from (
                select given.type, given.name, coalesce(given.mode, 'i') as mode,
                    row_number() over (order by given.place) as place
                from unnest(
                    coalesce(function.proallargtypes, function.proargtypes::oid[]),
                    function.proargnames, function.proargmodes
                ) with ordinality as given (type, name, mode, place)
                where coalesce(given.mode, 'i') in ('i', 'b', 'v')
            ) as sent
            join pg_catalog.pg_type as type on type.oid = sent.type
        ) as argument on true
        where function.prokind = 'f' and namespace.nspname = any ($3::text[])
            and not function.prorettype in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
            -- Others can't be called with arguments by name, nor with the request's body as the only one.
            and (coalesce(argument.unnamed, 0) = 0 or function.pronargs = 1 and (
                argument.unnamed_type::oid::regtype in ('bytea', 'json', 'jsonb', 'text', 'xml')
                or argument.unnamed_type::oid in (select reltype from relation)
            ))
    ), '[]')
)::text
