select
    asked.place,
    served.key,
    served.subject,
    coalesce((
        select json_agg(part.relid::regclass::text order by part.relid::regclass::text)
        from (
            select relid from pg_catalog.pg_partition_tree(to_regclass(format('%I.%I', asked.schema_name, asked.table_name)))
            union select to_regclass(format('%I.%I', asked.schema_name, asked.table_name))
        ) as part
        join pg_catalog.pg_class as relation on relation.oid = part.relid
        -- Changes of the key are captured row by row, on the partitions only.
        where exists (
            select from unnest(
                '{insert,delete,truncate}'::text[] || case relation.relkind when 'p' then '{move}' else '{update,key}' end::text[]
            ) as name
            where not exists (
                select from pg_catalog.pg_trigger
                where tgrelid = part.relid and tgenabled = 'A' and tgname = 'turnout_captured_' || name
            )
        )
    ), '[]') as bare,
    refused.reason as refused
from unnest($1::text[], $2::text[]) with ordinality as asked (schema_name, table_name, place)
left join turnout.repository as served
    on served.schema_name = asked.schema_name and served.table_name = asked.table_name
left join turnout.refused as refused
    on refused.schema_name = asked.schema_name and refused.table_name = asked.table_name
