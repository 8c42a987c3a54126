-- What the tables served look like, and for which side Turnout is installed: one JSON object.
select json_build_object(
    'fence', to_regclass('turnout.fence') is not null,
    -- A query of its own, as without an installation there is no such table.
    'side', case when to_regclass('turnout.side') is not null then
        substring(query_to_xml('select name from turnout.side', false, false, '')::text from '<name>([^<]*)</name>')
    end,
    'tables', coalesce((
        select json_agg(json_build_object(
            'place', asked.place,
            'name', relation.relname,
            'plain', relation.relkind = 'r',
            'columns', coalesce((
                select json_agg(json_build_object(
                    'name', attribute.attname,
                    'type', format_type(attribute.atttypid, -1),
                    'compared_type', (
                        -- A domain may be made of a domain.
                        with recursive base (type, is_domain, next) as (
                            select type.oid, type.typtype = 'd', type.typbasetype
                            from pg_catalog.pg_type as type
                            where type.oid = attribute.atttypid
                            union all
                            select type.oid, type.typtype = 'd', type.typbasetype
                            from base join pg_catalog.pg_type as type on type.oid = base.next
                            where base.is_domain
                        )
                        select format_type(base.type, -1) from base where not base.is_domain
                    ),
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
            ), '[]')
        ))
        from unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place)
        join pg_catalog.pg_namespace as namespace on namespace.nspname = asked.schema_name
        join pg_catalog.pg_class as relation
            on relation.relnamespace = namespace.oid and relation.relname = asked.table_name
            and relation.relkind in ('r', 'p', 'f', 'v', 'm')
    ), '[]')
)::text
