-- Statements under the role of whoever called the host.

-- Carries out one of Turnout's statements as another role, with these settings of the transaction, after a function of the application that may
-- refuse the request. The statement names its parameters `($1)[1]`, `($1)[2]` … It answers as every statement does; the fence, where the
-- statement tells no transaction, is read after the rows, and by Turnout's own role.
create or replace function turnout.run_as(
    as_role text, settings json, pre_request text, statement text, parameters text[],
    out body text, out row_count text, out total text, out inserted text, out key text, out mark text,
    out headers text, out status text
)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    line text;
begin
    -- The statement finds what it names as it does without this function.
    set local search_path to default;
    perform pg_catalog.set_config(setting.key, setting.value, true) from pg_catalog.json_each_text(settings) as setting;
    perform pg_catalog.set_config('role', as_role, true);
    if pre_request operator(pg_catalog.<>) '' then
        execute pg_catalog.concat('select ', pre_request, '()');
    end if;
    if pg_catalog.starts_with(statement, 'explain ') then
        -- A plan comes in lines.
        for line in execute statement using parameters loop
            body := pg_catalog.concat_ws(e'\n', body, line);
        end loop;
    else
        execute statement into strict body, row_count, total, inserted, key, mark, headers, status using parameters;
    end if;
    perform pg_catalog.set_config('role', 'none', true);
    mark := coalesce(mark, pg_catalog.pg_sequence_last_value('turnout.fence'::pg_catalog.regclass)::text);
    -- What the transaction has put off to its end runs as the role, too.
    perform pg_catalog.set_config('role', as_role, true);
end $$;
