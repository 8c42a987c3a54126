//! Reads and validates the whole of `turnout.toml` before anything starts.

mod alerts;
mod api;
mod backend;
mod descriptors;
mod function;
mod migration;
mod policies;
mod problems;
mod repository;
mod section;
mod tokens;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use turnout_api::{Dialect, Keys, Limits, Origins};
use turnout_vocabulary::{Backend, FunctionRule, PerBackend, Repository, RepositoryId, SubjectKind, SubjectRule};

use alerts::AlertConfig;
use api::ApiConfig;
pub(crate) use backend::{BackendConfig, Cleanup, Guard};
use migration::MigrationConfig;
pub(crate) use policies::PolicyConfig;
pub(crate) use problems::{Invalid, Problem};
use section::{Problems, Section};

use crate::log::{Format, LogConfig};

/// How many operations are kept for replays by default. They take some hundred kilobytes.
const RECORDED_OPERATIONS: usize = 4096;

/// How long rows that cleanups removed can be put back, unless the file says.
const CLEANUP_RETENTION: Duration = Duration::from_hours(72);

/// The configuration of a host.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// The keys of the API.
    pub(crate) keys: Keys,
    /// What is allowed of the dialect.
    pub(crate) dialect: Dialect,
    /// The sites whose pages may read answers.
    pub(crate) origins: Origins,
    /// The limits of requests and connections.
    pub(crate) limits: Limits,
    /// How long the host may take to stop.
    pub(crate) stop_timeout: Duration,
    /// How the host logs.
    pub(crate) log: LogConfig,
    /// What people hear of, and how.
    pub(crate) alerts: AlertConfig,
    /// The policies.
    pub(crate) policies: PolicyConfig,
    /// How many of the last operations are kept for replays.
    pub(crate) recorded_operations: usize,
    pub(crate) clear_subjects: bool,
    /// How long a read that spans authorities waits for the pending entries of the other side.
    pub(crate) read_wait: Duration,
    /// How long operations may wait for a handoff. After that the handoff is abandoned.
    pub(crate) handoff_budget: Duration,
    /// How often a host compares both sides whole and repairs them; `None` if it does not.
    pub(crate) reconcile_every: Option<Duration>,
    /// How long rows that cleanups removed can be put back.
    pub(crate) cleanup_retention: Duration,
    /// What a migration asks beside the policies.
    pub(crate) migration: MigrationConfig,
    /// What subjects are, and how they are normalised.
    pub(crate) subjects: SubjectRule,
    /// The two databases.
    pub(crate) backends: PerBackend<BackendConfig>,
    /// The schemas whose tables are served without being named.
    pub(crate) exposed: Vec<String>,
    /// The tables served, in the order of their numbers.
    pub(crate) repositories: Arc<[Repository]>,
    /// What is said of functions, by name.
    pub(crate) functions: BTreeMap<String, FunctionRule>,
    /// The repositories in which one statement may update or delete every row.
    pub(crate) unfiltered_writes: HashSet<RepositoryId>,
    /// What works now and should be changed, each in words for people.
    pub(crate) warnings: Vec<String>,
}

/// Looks up an environment variable. A test passes its own variables.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads and validates a file. Secrets in the environment of the process win over those in the file.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake found, each with its line.
    pub(crate) fn load(path: &Path) -> Result<Self, Invalid> {
        Self::load_with(path, &|name| std::env::var(name).ok())
    }

    /// The same, with another environment than the process's.
    pub(crate) fn load_with(path: &Path, environment: Environment<'_>) -> Result<Self, Invalid> {
        let text = std::fs::read_to_string(path).map_err(|error| Invalid::unreadable(path, &error))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, folder, environment).map_err(|problems| Invalid::new(path, problems))
    }

    /// The limits of policies in this configuration. Nothing else of the file is read. `None` if there is no file.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake found in the section `policies`.
    pub(crate) fn policy_limits(path: &Path) -> Result<Option<turnout_runtime::Options>, Invalid> {
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(path).map_err(|error| Invalid::unreadable(path, &error))?;
        let problems = Problems::new(&text);
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let policies = PolicyConfig::read(Section::root(&text, &problems).section("policies"), folder);
        let found = problems.into_sorted();
        if found.is_empty() {
            Ok(Some(policies.limits))
        } else {
            Err(Invalid::new(path, found))
        }
    }

    fn parse(text: &str, folder: &Path, environment: Environment<'_>) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(text);
        let mut root = Section::root(text, &problems);

        let api = ApiConfig::read(root.section("api"), environment);
        let tokens = tokens::read(root.section("jwt"), folder, environment);

        let mut log = root.section("log");
        let log_config = LogConfig {
            filter: log.value("filter").unwrap_or_else(|| "info".to_owned()),
            format: log.value("format").unwrap_or(Format::Text),
        };
        if let Err(error) = log_config.check() {
            log.problem(format!("`filter`: {error}"));
        }
        log.finish();

        let alerts = AlertConfig::read(&mut root, environment);

        let policies = PolicyConfig::read(root.section("policies"), folder);

        let mut recording = root.section("recording");
        let recorded_operations = recording.value("operations").unwrap_or(RECORDED_OPERATIONS);
        let clear_subjects = recording.value("clear_subjects").unwrap_or(false);
        recording.finish();

        let mut handoff = root.section("handoff");
        let handoff_budget = handoff.duration("budget").unwrap_or(Duration::from_secs(5));
        handoff.finish();
        let mut divergence = root.section("divergence");
        let reconcile_every = divergence.duration("reconcile_every");
        divergence.finish();
        let mut cleanup = root.section("cleanup");
        let cleanup_retention = cleanup.duration("retention").unwrap_or(CLEANUP_RETENTION);
        cleanup.finish();

        let mut reads = root.section("reads");
        let read_wait = reads.duration("wait").unwrap_or(Duration::from_millis(100));
        reads.finish();

        let (rule, phones_alone) = subject_rule(root.section("subjects"));
        let migration = MigrationConfig::read(&mut root, rule.as_ref());

        let mut sides = root.section("backends");
        let backends = PerBackend {
            old: BackendConfig::read(sides.section("old"), Backend::Old, environment),
            new: BackendConfig::read(sides.section("new"), Backend::New, environment),
        };
        sides.finish();

        let mut schemas = root.section("schemas");
        let exposed: Vec<String> = schemas.value("exposed").unwrap_or_default();
        schemas.finish();

        let (repositories, unfiltered_writes) = repository::read(root.section("repositories"), exposed.is_empty());
        let functions = function::read(root.section("functions"), &repositories, !exposed.is_empty());
        root.finish();

        let (Some(keys), Some(rule)) = (api.keys, rule) else {
            return Err(problems.into_sorted());
        };
        let PerBackend {
            old: Some(old),
            new: Some(new),
        } = backends
        else {
            return Err(problems.into_sorted());
        };
        let found = problems.into_sorted();
        if !found.is_empty() {
            return Err(found);
        }
        let pools = old
            .settings
            .max_connections
            .saturating_add(new.settings.max_connections);
        let (connections, shortage) = descriptors::connections(api.connections, pools);
        let mut warnings = api.warnings;
        warnings.extend(shortage);
        warnings.extend(phones_alone);
        Ok(Self {
            listen: api.listen,
            keys: match tokens {
                Some(tokens) => keys.with_tokens(tokens),
                None => keys,
            },
            dialect: api.dialect,
            origins: api.origins,
            limits: Limits {
                connections,
                ..api.limits
            },
            stop_timeout: api.stop_timeout,
            log: log_config,
            alerts,
            policies,
            recorded_operations,
            clear_subjects,
            read_wait,
            handoff_budget,
            reconcile_every,
            cleanup_retention,
            migration,
            subjects: rule,
            backends: PerBackend { old, new },
            exposed,
            repositories: repositories.into(),
            functions,
            unfiltered_writes,
            warnings,
        })
    }

    /// Serves these tables, too, except where a repository has the table already, which takes the key if it lacks one. One whose name is taken
    /// is called after its schema, too. All are numbered in the order of their names, as those of the file are.
    pub(crate) fn serve_beside(&mut self, others: Vec<Repository>) {
        let mut by_name: BTreeMap<String, (Repository, bool)> = BTreeMap::new();
        let configured = self.repositories.iter().cloned();
        for repository in configured {
            let unfiltered = self.unfiltered_writes.contains(&repository.id);
            by_name.insert(repository.name.clone(), (repository, unfiltered));
        }
        for mut repository in others {
            let has_table = |named: &&mut (Repository, bool)| {
                named.0.table == repository.table && named.0.schema == repository.schema
            };
            if let Some((named, _)) = by_name.values_mut().find(has_table) {
                if named.key.is_empty() {
                    named.key = repository.key;
                }
                continue;
            }
            if by_name.contains_key(&repository.name) {
                repository.name = format!("{}.{}", repository.schema, repository.table);
            }
            by_name.insert(repository.name.clone(), (repository, false));
        }
        self.unfiltered_writes.clear();
        let mut repositories = Vec::with_capacity(by_name.len());
        for (number, (mut repository, unfiltered)) in (0..).zip(by_name.into_values()) {
            repository.id = RepositoryId(number);
            if unfiltered {
                self.unfiltered_writes.insert(repository.id);
            }
            repositories.push(repository);
        }
        self.repositories = repositories.into();
    }
}

/// Reads the section `subjects`: how subjects are normalised, and what people should be warned of.
fn subject_rule(mut subjects: Section<'_, '_>) -> (Option<SubjectRule>, Option<String>) {
    let kind = subjects.value("kind").unwrap_or(SubjectKind::Phone);
    let region: Option<String> = subjects.value("region");
    let phones_alone = (region.is_some() && kind != SubjectKind::Phone)
        .then(|| format!("`subjects.region` means nothing while `subjects.kind` is \"{kind}\""));
    let region = region.unwrap_or_else(|| "RU".to_owned());
    let rule = SubjectRule::of_kind(kind, &region);
    if rule.is_none() {
        subjects.problem(format!(
            "`region`: there is no region {region:?}; give a two-letter code such as \"RU\""
        ));
    }
    subjects.finish();
    (rule, phones_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[api]
key = "a"
admin_key = "b"

[backends.old]
url = "postgres://u@127.0.0.1/old"

[backends.new]
label = "timeweb"
url = "postgres://u@127.0.0.1/new"
acquire_timeout = "1500ms"

[repositories.clients]
key = ["id"]
subject = "phone"
"#;

    fn parse(text: &str) -> Result<Config, Vec<Problem>> {
        Config::parse(text, Path::new("/etc/turnout"), &|_| None)
    }

    #[test]
    fn a_short_file_is_enough() {
        let config = parse(GOOD).unwrap();
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.policies.directory, Path::new("/etc/turnout/policies"));
        assert_eq!(config.backends.old.label, "old");
        assert_eq!(config.backends.new.label, "timeweb");
        assert_eq!(
            config.backends.new.settings.acquire_timeout,
            Duration::from_millis(1500)
        );
        assert_eq!(config.repositories[0].name, "clients");
        assert_eq!(config.repositories[0].schema, "public");
    }

    #[test]
    fn secrets_in_the_environment_win() {
        let config = Config::parse(GOOD, Path::new(""), &|name| {
            (name == "TURNOUT_NEW_URL").then(|| "postgres://elsewhere/new".to_owned())
        });
        assert_eq!(config.unwrap().backends.new.settings.url, "postgres://elsewhere/new");
    }

    #[test]
    fn alerts_go_where_the_file_or_the_environment_says() {
        assert!(parse(GOOD).unwrap().alerts.endpoints.sentry.is_none());
        let text = format!("{GOOD}\n[sentry]\ndsn = 'https://key@sentry.example/1'\n[webhook]\nurl = 'hidden'\n");
        let found = parse(&text).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].to_string().starts_with("21: `webhook.url`"), "{found:?}");
        assert!(!format!("{found:?}").contains("hidden"), "{found:?}");
        let environment = |name: &str| match name {
            "SENTRY_DSN" => Some(String::new()),
            "TURNOUT_WEBHOOK_URL" => Some("https://hooks.example/1".to_owned()),
            _ => None,
        };
        let config = Config::parse(&text, Path::new(""), &environment).unwrap();
        let endpoints = &config.alerts.endpoints;
        assert!(
            endpoints.sentry.is_none() && endpoints.webhook.is_some(),
            "{endpoints:?}"
        );
        let text = format!("{GOOD}\n[sentry]\ndsn = 'hidden'\n");
        assert!(!format!("{:?}", parse(&text).unwrap_err()).contains("hidden"));
    }

    #[test]
    fn subjects_are_phones_unless_the_file_says_what_else() {
        assert_eq!(parse(GOOD).unwrap().subjects.kind(), SubjectKind::Phone);
        let config = parse(&format!("{GOOD}\n[subjects]\nkind = \"uuid\"\nregion = \"RU\"\n")).unwrap();
        assert_eq!(config.subjects.kind(), SubjectKind::Uuid);
        assert!(
            config
                .warnings
                .iter()
                .any(|warning| warning.contains("`subjects.region`"))
        );
        let found = parse(&format!("{GOOD}\n[subjects]\nkind = \"name\"\n")).unwrap_err();
        assert!(found[0].to_string().contains("`subjects.kind`"), "{found:?}");
    }

    #[test]
    fn every_mistake_is_named_at_once_with_its_line() {
        let text = r#"
[api]
listen = "everywhere"
key = "same"
admin_key = "same"
body_limit_kib = 0

[backends.old]
url = "mysql://u@127.0.0.1/old"
pol = 3

[subjects]
region = "ZZ"

[repositories.clients]
subject = "phone"

[surprise]
"#;
        let found: Vec<_> = parse(text).unwrap_err().iter().map(ToString::to_string).collect();
        for (line, words) in [
            ("3:", "`api.listen`"),
            ("2:", "are the same"),
            ("6:", "`api.body_limit_kib`"),
            ("9:", "`backends.old.url`"),
            ("10:", "`backends.old.pol`"),
            ("8:", "TURNOUT_NEW_URL"),
            ("12:", "no region \"ZZ\""),
            ("15:", "`repositories.clients.key`"),
            ("18:", "`surprise`"),
        ] {
            assert!(
                found.iter().any(|p| p.starts_with(line) && p.contains(words)),
                "{line} {words}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 9, "{found:#?}");
    }

    #[test]
    fn a_problem_with_a_secret_does_not_repeat_it() {
        let text = GOOD.replace(
            r#"admin_key = "b""#,
            "admin_key = 123456789\nmetrics_key = [\"hidden\"]",
        );
        let found: Vec<_> = parse(&text).unwrap_err().iter().map(ToString::to_string).collect();
        let expected = [
            "4: `api.admin_key`: must be a text in quotes",
            "5: `api.metrics_key`: must be a text in quotes",
        ];
        assert_eq!(found, expected);

        for (right, wrong) in [
            (
                "url = \"postgres://u@127.0.0.1/old\"",
                "pool = 'postgres://u:hidden@127.0.0.1/old'",
            ),
            ("url = \"postgres://u@127.0.0.1/old\"", "guard = 'hidden'"),
            (
                "url = \"postgres://u@127.0.0.1/old\"",
                "url = postgres://u:hidden@127.0.0.1/old",
            ),
            (
                "url = \"postgres://u@127.0.0.1/old\"",
                "url = 'postgres://u:hidden@/o@ld:hidden'",
            ),
            (
                "url = \"postgres://u@127.0.0.1/old\"",
                "url = 'postgres://u@h:hidden/old'",
            ),
            (
                "url = \"postgres://u@127.0.0.1/old\"",
                "url = 'hidden://u:hidden@h/old'",
            ),
            ("key = \"a\"", "key = hidden"),
            ("key = \"a\"", "key = 'hidden"),
            ("key = \"a\"", "key = 'hidden hidden'"),
            ("key = \"a\"", "key = {hidden = 'hidden'}"),
            ("key = \"a\"", "key = 'a'\nlisten = 'hidden'"),
            ("key = \"a\"", "key = 'a'\nconcurrency = 'hidden'"),
            ("key = \"a\"", "key = 'a'\nrequest_timeout = 'hidden'"),
        ] {
            let found = parse(&GOOD.replace(right, wrong)).unwrap_err();
            assert!(!format!("{found:?}").contains("hidden"), "{wrong}: {found:?}");
        }
    }

    #[test]
    fn short_keys_and_more_connections_than_descriptors_are_warned_of() {
        let text = GOOD.replace(
            "admin_key = \"b\"",
            "admin_key = \"0123456789abcdef\"\nconnections = 4000000000",
        );
        let warnings = parse(&text).unwrap().warnings;
        assert!(warnings[0].starts_with("`api.key` has fewer than 16"), "{warnings:?}");
        assert!(warnings[1].contains("leave room for"), "{warnings:?}");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn every_key_is_another() {
        let text = GOOD.replace(r#"admin_key = "b""#, "admin_key = \"b\"\nmetrics_key = \"b\"");
        let found = parse(&text).unwrap_err();
        assert!(found[0].to_string().contains("`metrics_key` is also"), "{found:?}");
    }

    #[test]
    fn broken_syntax_is_named_with_its_line() {
        let found = parse("[api]\nkey = \n").unwrap_err();
        assert!(
            found.iter().any(|problem| problem.to_string().starts_with("2:")),
            "{found:?}"
        );
    }
}
