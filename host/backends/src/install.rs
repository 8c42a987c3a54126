//! The SQL installation of one side: schema `turnout`, the capture on every table served, what sets sequences apart.

use sha2::{Digest as _, Sha256};
use turnout_vocabulary::{Backend, Repository};

use crate::sql::{quoted, quoted_text};

/// The parts of the installation, in their order. Each can be run again.
const PARTS: &[&str] = &[
    include_str!("install/sql/schema.sql"),
    include_str!("install/sql/fence.sql"),
    include_str!("install/sql/lease.sql"),
    include_str!("install/sql/capture.sql"),
    include_str!("install/sql/gaps.sql"),
    include_str!("install/sql/rows.sql"),
    include_str!("install/sql/handover.sql"),
    include_str!("install/sql/source.sql"),
    include_str!("install/sql/drained.sql"),
    include_str!("install/sql/target.sql"),
    include_str!("install/sql/compare.sql"),
    include_str!("install/sql/walk.sql"),
    include_str!("install/sql/ranges.sql"),
    include_str!("install/sql/divergence.sql"),
    include_str!("install/sql/readiness.sql"),
    include_str!("install/sql/drift.sql"),
    include_str!("install/sql/cutover.sql"),
    include_str!("install/sql/cleanup.sql"),
    include_str!("install/sql/epochs.sql"),
    include_str!("install/sql/site.sql"),
    include_str!("install/sql/failover.sql"),
    include_str!("install/sql/sequences.sql"),
    include_str!("install/sql/serve.sql"),
    include_str!("install/sql/roles.sql"),
    include_str!("install/sql/baseline.sql"),
    include_str!("install/sql/kept_evidence.sql"),
    include_str!("install/sql/minutes.sql"),
    include_str!("install/sql/retire.sql"),
];

/// Who may call the functions. The name of the role is put in place of `{role}`.
const GRANTS: &str = "
revoke all on all tables in schema turnout from public;
revoke all on all functions in schema turnout from public;
grant usage on schema turnout to {role};
grant execute on all functions in schema turnout to {role};
grant select on sequence turnout.fence to {role};
grant select on turnout.repository, turnout.side, turnout.refused to {role};
do $$
declare
    grantee text;
begin
    -- Default privileges may let others read what is kept.
    for grantee in
        select distinct case other.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(other.grantee)) end
        from pg_class cross join lateral aclexplode(relacl) as other
        where pg_class.oid = 'turnout.archive'::regclass and other.grantee <> relowner
    loop
        execute format('revoke all on turnout.archive from %s', grantee);
    end loop;
end $$;
grant select, insert, update, delete on turnout.archive to {role}";

/// Refuses to go on where the installation of the other side is. The name of the side is put in place of `{side}`.
const GUARD: &str = "do $$
declare
    recorded text;
begin
    if to_regclass('turnout.side') is not null then
        select name into recorded from turnout.side;
        if recorded <> '{side}' then
            raise exception using errcode = 'TN006',
                message = 'turnout: this database has the installation of ' || recorded || ', not of {side}',
                hint = 'If it is a copy: select turnout.leave(); drop schema turnout cascade; then install {side} again.';
        end if;
    end if;
end $$";

/// How long other writers wait for an installation at most, in milliseconds.
const LOCK_TIMEOUT_MS: u32 = 100;

/// Locks tables, all of them within the timeout. The mode and a query for the tables are put in place of `{mode}` and `{tables}`.
const LOCK: &str = "
declare
    target regclass;
    deadline timestamptz := clock_timestamp() + {timeout} * interval '1 millisecond';
begin
    for target in
        select oid from pg_catalog.pg_class where relkind in ('r', 'p') and oid in ({tables}) order by oid
    loop
        perform set_config('lock_timeout', greatest(
            1, (extract(epoch from deadline - clock_timestamp()) * 1000)::integer
        )::text, true);
        begin
            execute format('lock table only %s in {mode} mode', target);
        exception when insufficient_privilege then
            -- What needs it will say so.
        end;
    end loop;
    perform set_config('lock_timeout', '{timeout}', true);
end";

/// The tables that triggers of capture are on, as a query.
const CAPTURED: &str = r"select tgrelid from pg_catalog.pg_trigger where tgname like 'turnout\_captured\_%'";

/// What takes the installation away: the triggers, the steps of the sequences, the schema.
pub(crate) fn removal() -> Vec<String> {
    vec![
        limit(),
        lock("access exclusive", CAPTURED),
        "select turnout.leave()".to_owned(),
        "drop schema turnout cascade".to_owned(),
    ]
}

/// Whatever the installation waits for, others wait behind it.
fn limit() -> String {
    format!("set local lock_timeout = {LOCK_TIMEOUT_MS}")
}

fn lock(mode: &str, tables: &str) -> String {
    let body = LOCK
        .replace("{timeout}", &LOCK_TIMEOUT_MS.to_string())
        .replace("{mode}", mode)
        .replace("{tables}", tables);
    format!("do {}", quoted_text(&body))
}

/// What is said of the schema: the installation of another version has other functions.
pub(crate) fn description() -> String {
    let version = hex::encode(Sha256::digest(PARTS.concat()));
    format!("The mirror and the fence of Turnout, version {version:.12}. `turnout uninstall` takes it away.")
}

/// What is installed on one side. It needs no superuser and no privilege to replicate: the owner of the tables can run
/// it.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// Which side it is.
    pub backend: Backend,
    /// The tables served.
    pub repositories: &'a [Repository],
    /// The role that Turnout connects as, which alone may call the functions.
    pub role: &'a str,
    /// Whether writes that do not come through Turnout are refused.
    pub strict: bool,
}

impl Installation<'_> {
    /// All of it, in its order: what makes the schema and its functions, the tables, and who may call the functions.
    pub(crate) fn queries(&self) -> Vec<String> {
        let tables = self.repositories.iter().map(|repository| self.serve(repository));
        let grants = GRANTS.replace("{role}", &quoted(self.role));
        let comment = format!("comment on schema turnout is {}", quoted_text(&description()));
        let side = quoted_text(self.backend.as_str());
        [
            limit(),
            GUARD.replace("{side}", self.backend.as_str()),
            PARTS.join("\n"),
            format!("insert into turnout.side (name) values ({side}) on conflict do nothing"),
            lock("share row exclusive", &self.tables()),
        ]
        .into_iter()
        .chain(tables)
        .chain([grants, comment])
        .collect()
    }

    /// The tables served and their partitions, as a query.
    fn tables(&self) -> String {
        let names = self.repositories.iter().map(|repository| {
            let name = format!("{}.{}", quoted(&repository.schema), quoted(&repository.table));
            format!("to_regclass({})", quoted_text(&name))
        });
        format!(
            "select coalesce(part.relid, served) from unnest(array[{}]::regclass[]) as served \
             left join lateral pg_catalog.pg_partition_tree(served) as part on true",
            names.collect::<Vec<_>>().join(", ")
        )
    }

    /// The query that puts one table under the care of Turnout, and answers with remarks.
    fn serve(&self, repository: &Repository) -> String {
        let key: Vec<String> = repository.key.iter().map(|column| quoted_text(column)).collect();
        let subject = repository
            .subject
            .as_deref()
            .map_or_else(|| "null".to_owned(), quoted_text);
        format!(
            "select turnout.serve({}, {}, {}, array[{}], {subject}, {})",
            quoted_text(self.backend.as_str()),
            quoted_text(&repository.schema),
            quoted_text(&repository.table),
            key.join(", "),
            self.strict,
        )
    }

    /// The same as one script, for an SQL editor.
    #[must_use]
    pub fn script(&self) -> String {
        let mut script = format!(
            "-- Turnout {} on the side `{}`. It can be run again at any time.\nbegin;\n",
            env!("CARGO_PKG_VERSION"),
            self.backend,
        );
        for query in self.queries() {
            script.push_str(&query);
            script.push_str(";\n");
        }
        script.push_str("commit;\n");
        script
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::RepositoryId;

    use super::*;

    #[test]
    fn every_function_of_the_installation_pins_its_search_path() {
        let script = PARTS.join("\n");
        for definition in script.split("create or replace function").skip(1) {
            let head = definition.split("$$").next().unwrap().split("$body$").next().unwrap();
            assert!(head.contains("set search_path = pg_catalog, pg_temp"), "{head}");
        }
    }

    #[test]
    fn names_in_the_script_are_quoted() {
        let repositories = [Repository {
            id: RepositoryId(0),
            name: "it's".into(),
            table: "it's".into(),
            schema: "public".into(),
            key: vec!["i\"d".into()],
            subject: None,
            compared: vec![],
        }];
        let installation = Installation {
            backend: Backend::New,
            repositories: &repositories,
            role: "ro\"le",
            strict: false,
        };
        let script = installation.script();
        assert!(script.contains("select turnout.serve('new', 'public', 'it''s', array['i\"d'], null, false);"));
        assert!(script.contains("to \"ro\"\"le\";"));
    }
}
