-- All that is compared of the tables of both sides, one JSON object for each table that is there.
select asked.place, json_build_object(
    'role', current_user,
    'columns', coalesce((
        select json_agg(json_build_object(
            'name', attribute.attname,
            -- Without the schema: an extension may have its own on each side.
            'type', regexp_replace(
                format_type(attribute.atttypid, attribute.atttypmod), '^("([^"]|"")+"|[^."( ]+)\.', ''
            ),
            'domain', case when type.typtype = 'd' then concat(
                format_type(type.typbasetype, type.typtypmod),
                -- Only PostgreSQL 17 and later have a constraint for it.
                case when type.typnotnull then ' NOT NULL' end,
                (select string_agg(' ' || pg_get_constraintdef(oid), '' order by pg_get_constraintdef(oid))
                from pg_catalog.pg_constraint where contypid = type.oid and contype = 'c')
            ) end,
            'labels', coalesce((
                select json_agg(enumlabel order by enumsortorder) from pg_catalog.pg_enum where enumtypid = element.oid
            ), '[]'),
            -- Operators of a type in a schema outside the search path are not found, and others take their place.
            'out_of_path', case
                when element.typtype = 'b' and not home.nspname = any (current_schemas(true)) then home.nspname
            end,
            'not_null', attribute.attnotnull,
            'default', case
                when attribute.attgenerated = '' then pg_get_expr(fallback.adbin, fallback.adrelid)
            end,
            'generated', case when attribute.attgenerated <> '' then pg_get_expr(fallback.adbin, fallback.adrelid) end,
            'identity', nullif(attribute.attidentity::text, ''),
            'collation', case
                when attribute.attcollation = 'pg_catalog."default"'::regcollation then (
                    select datcollate from pg_catalog.pg_database where datname = current_database()
                )
                else alike.collname::text
            end,
            'deterministic', coalesce(alike.collisdeterministic, true)
        ) order by attribute.attnum)
        from pg_catalog.pg_attribute as attribute
        join pg_catalog.pg_type as type on type.oid = attribute.atttypid
        join pg_catalog.pg_type as element
            on element.oid = case when type.typcategory = 'A' then type.typelem else type.oid end
        join pg_catalog.pg_namespace as home on home.oid = element.typnamespace
        left join pg_catalog.pg_collation as alike on alike.oid = attribute.attcollation
        left join pg_catalog.pg_attrdef as fallback
            on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
        where attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
    ), '[]'),
    'unique', coalesce((
        select json_agg(distinct case
            when key.indpred is null and key.indexprs is null then (
                select '(' || string_agg(quote_ident(attribute.attname), ', ' order by attribute.attname) || ')'
                from unnest(key.indkey) with ordinality as part (number, place)
                join pg_catalog.pg_attribute as attribute
                    on attribute.attrelid = key.indrelid and attribute.attnum = part.number
                where part.place <= key.indnkeyatts
            )
            else regexp_replace(pg_get_indexdef(key.indexrelid), '^.* USING \w+ ', '')
        end || case when key.indimmediate then '' else ' deferrable' end
            || case when (row_to_json(key) ->> 'indnullsnotdistinct')::boolean then ' nulls not distinct' else '' end)
        from pg_catalog.pg_index as key
        where key.indrelid = relation.oid and key.indisunique and key.indisvalid
    ), '[]'),
    'checks', coalesce((
        select json_agg(distinct regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''))
        from pg_catalog.pg_constraint where conrelid = relation.oid and contype in ('c', 'x')
    ), '[]'),
    'references', coalesce((
        select json_agg(distinct regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''))
        from pg_catalog.pg_constraint where conrelid = relation.oid and contype = 'f'
    ), '[]'),
    'indexes', coalesce((
        select json_agg(distinct regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', ''))
        from pg_catalog.pg_index where indrelid = relation.oid and not indisunique and indisvalid
    ), '[]'),
    'triggers', coalesce((
        select json_agg(distinct tgname) from pg_catalog.pg_trigger
        where tgrelid = relation.oid and not tgisinternal and tgname not like 'turnout\_captured\_%'
    ), '[]')
) as shape
from unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place)
join pg_catalog.pg_namespace as namespace on namespace.nspname = asked.schema_name
join pg_catalog.pg_class as relation
    on relation.relnamespace = namespace.oid and relation.relname = asked.table_name and relation.relkind in ('r', 'p')
