use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use turnout_vocabulary::{FunctionRule, Repository, RepositoryId, SubjectKind, SubjectRule};

/// What must be the same on every host of a site: two hosts that read a subject or a key from different columns would write
/// one row on two sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDescription {
    subjects: Subjects,
    repositories: BTreeMap<String, Described>,
    /// What is configured of functions, by name; `None` in a record from before these were described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    functions: Option<BTreeMap<String, FunctionRule>>,
}

/// How subjects are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Subjects {
    kind: SubjectKind,
    /// Of phone numbers; other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
}

/// What is described of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Described {
    schema: String,
    /// The table's name, where that is not the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    key: Vec<String>,
    subject: Option<String>,
}

impl Described {
    /// The table of the repository of this name.
    fn table<'d>(&'d self, name: &'d str) -> &'d str {
        self.table.as_deref().unwrap_or(name)
    }
}

impl SiteDescription {
    /// The description of a site that serves these repositories, has this configured of functions and reads subjects by this rule.
    #[must_use]
    pub fn of(repositories: &[Repository], functions: &BTreeMap<String, FunctionRule>, rule: &SubjectRule) -> Self {
        let described = repositories.iter().map(|repository| {
            let described = Described {
                schema: repository.schema.clone(),
                table: (repository.table != repository.name).then(|| repository.table.clone()),
                key: repository.key.clone(),
                subject: repository.subject.clone(),
            };
            (repository.name.clone(), described)
        });
        Self {
            subjects: Subjects {
                kind: rule.kind(),
                region: rule.region().map(str::to_owned),
            },
            repositories: described.collect(),
            functions: Some(functions.clone()),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        // Texts always are JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it has the table of this repository, by whatever key.
    pub(crate) fn serves(&self, repository: &Repository) -> bool {
        let described = self.repositories.get(&repository.name);
        described.is_some_and(|described| {
            described.schema == repository.schema && described.table(&repository.name) == repository.table
        })
    }

    /// Its repositories, numbered in the order of their names, as a configuration numbers them.
    #[must_use]
    pub fn repositories(&self) -> Vec<Repository> {
        let described = self
            .repositories
            .iter()
            .zip(0..)
            .map(|((name, described), number)| Repository {
                id: RepositoryId(number),
                name: name.clone(),
                table: described.table(name).to_owned(),
                schema: described.schema.clone(),
                key: described.key.clone(),
                subject: described.subject.clone(),
                compared: Vec::new(),
            });
        described.collect()
    }

    /// The repositories that both this description and another have, and describe otherwise.
    #[must_use]
    pub fn contradicted(&self, other: &Self) -> Vec<String> {
        let both = self
            .repositories
            .iter()
            .filter(|(name, described)| other.repositories.get(*name).is_some_and(|other| other != *described));
        both.map(|(name, _)| name.clone()).collect()
    }

    /// The repositories that another description alters or adds.
    pub(crate) fn altered(&self, other: &Self) -> BTreeSet<String> {
        let other_subjects = self.subjects != other.subjects;
        let described = other.repositories.iter().filter(|(name, described)| {
            self.repositories.get(*name) != Some(described) || other_subjects && described.subject.is_some()
        });
        described.map(|(name, _)| name.clone()).collect()
    }

    /// What a configuration says otherwise than this description of the site; empty if nothing.
    #[must_use]
    pub fn differences(&self, configured: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |of: &str, what: &str, site: &str, here: &str| {
            if site != here {
                differences.push(format!(
                    "{of}: the site's {what} is {site}, this configuration's is {here}"
                ));
            }
        };
        let (site, here) = (&self.subjects, &configured.subjects);
        compare("subjects", "kind", site.kind.as_str(), here.kind.as_str());
        if let (Some(site), Some(here)) = (&site.region, &here.region) {
            compare("subjects", "region", site, here);
        }
        let mut one_sided = Vec::new();
        let names: BTreeSet<_> = self.repositories.keys().chain(configured.repositories.keys()).collect();
        for name in names {
            let of = format!("repository {name}");
            match (self.repositories.get(name), configured.repositories.get(name)) {
                (Some(site), Some(here)) => {
                    compare(&of, "schema", &site.schema, &here.schema);
                    compare(&of, "table", site.table(name), here.table(name));
                    compare(&of, "key", &site.key.join(", "), &here.key.join(", "));
                    let subject = |described: &Described| described.subject.clone().unwrap_or_else(|| "none".into());
                    compare(&of, "subject", &subject(site), &subject(here));
                }
                (Some(_), None) => one_sided.push(format!("{of}: the site serves it, this configuration does not")),
                (None, _) => one_sided.push(format!("{of}: this configuration serves it, the site does not")),
            }
        }
        differences.extend(one_sided);
        differences.extend(self.differing_functions(configured));
        differences
    }

    /// What a configuration says otherwise of functions.
    fn differing_functions(&self, configured: &Self) -> Vec<String> {
        let (Some(site), Some(here)) = (&self.functions, &configured.functions) else {
            return Vec::new();
        };
        let names: BTreeSet<_> = site.keys().chain(here.keys()).collect();
        let differing = names.into_iter().filter(|name| site.get(*name) != here.get(*name));
        let told = differing.map(|name| match (site.get(name), here.get(name)) {
            (Some(_), None) => format!("function {name}: the site has it configured, this configuration does not"),
            (None, _) => format!("function {name}: this configuration has it, the site does not"),
            (Some(site), Some(here)) => format!(
                "function {name}: the site has {}, this configuration {}",
                described(site),
                described(here)
            ),
        });
        told.collect()
    }

    /// Why a host with this configuration does not serve the site, and what to do; `None` if it does.
    #[must_use]
    pub fn refusal(&self, configured: &Self) -> Option<String> {
        let differences = self.differences(configured);
        (!differences.is_empty()).then(|| {
            format!(
                "this host's configuration describes another site than the one on record ({}), so it serves nothing: \
                 correct turnout.toml, or run `turnout apply` if the new description is meant for every host",
                differences.join("; ")
            )
        })
    }
}

/// What is configured of a function, as the configuration writes it.
fn described(rule: &FunctionRule) -> String {
    let repositories = Some(format!("repositories = {:?}", rule.repositories));
    let subject = rule.subject.as_ref().map(|subject| format!("subject = {subject:?}"));
    let reads = rule.reads.map(|reads| format!("reads = {reads}"));
    let parts: Vec<_> = [repositories, subject, reads].into_iter().flatten().collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> Repository {
        Repository {
            id: RepositoryId(0),
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: Some("phone".into()),
            compared: vec![],
        }
    }

    fn site(repositories: &[Repository], region: &str) -> SiteDescription {
        SiteDescription::of(
            repositories,
            &BTreeMap::new(),
            &SubjectRule::for_region(region).unwrap(),
        )
    }

    #[test]
    fn every_difference_is_named_with_its_repository_and_both_values() {
        let recorded = site(&[clients()], "RU");
        for (changed, words) in [
            (
                Repository {
                    subject: None,
                    ..clients()
                },
                "repository clients: the site's subject is phone, this configuration's is none",
            ),
            (
                Repository {
                    key: vec!["a".into(), "b".into()],
                    ..clients()
                },
                "repository clients: the site's key is id, this configuration's is a, b",
            ),
            (
                Repository {
                    schema: "app".into(),
                    ..clients()
                },
                "repository clients: the site's schema is public, this configuration's is app",
            ),
        ] {
            assert_eq!(recorded.differences(&site(&[changed], "RU")), [words]);
        }
        assert_eq!(
            recorded.differences(&site(&[], "US")),
            [
                "subjects: the site's region is RU, this configuration's is US",
                "repository clients: the site serves it, this configuration does not"
            ]
        );
        let uuids = SubjectRule::of_kind(SubjectKind::Uuid, "RU").unwrap();
        assert_eq!(
            recorded.differences(&SiteDescription::of(&[clients()], &BTreeMap::new(), &uuids)),
            ["subjects: the site's kind is phone, this configuration's is uuid"]
        );
        let compared = Repository {
            compared: vec!["name".into()],
            ..clients()
        };
        assert!(recorded.differences(&site(&[compared], "RU")).is_empty());
    }

    #[test]
    fn a_record_from_before_tables_had_names_of_their_own_is_read() {
        let json = r#"{"subjects":{"kind":"phone","region":"RU"},
            "repositories":{"clients":{"schema":"public","key":["id"],"subject":"phone"}}}"#;
        let recorded: SiteDescription = serde_json::from_str(json).unwrap();
        assert!(recorded.differences(&site(&[clients()], "RU")).is_empty());
        let people = Repository {
            name: "people".into(),
            ..clients()
        };
        let other = site(std::slice::from_ref(&people), "RU");
        assert_eq!(other.repositories(), [people]);
        let moved = Repository {
            table: "persons".into(),
            ..clients()
        };
        assert_eq!(
            recorded.differences(&site(&[moved], "RU")),
            ["repository clients: the site's table is clients, this configuration's is persons"]
        );
    }

    #[test]
    fn functions_are_described_too() {
        let rule = FunctionRule {
            repositories: vec!["clients".into()],
            subject: Some("phone".into()),
            reads: None,
        };
        let region = SubjectRule::for_region("RU").unwrap();
        let with = |rule: &FunctionRule| {
            let functions = [("visits_of".to_owned(), rule.clone())].into();
            SiteDescription::of(&[clients()], &functions, &region)
        };
        let recorded = with(&rule);
        assert!(recorded.differences(&with(&rule)).is_empty());
        let reads = FunctionRule {
            reads: Some(true),
            ..rule
        };
        assert_eq!(
            recorded.differences(&with(&reads)),
            [
                "function visits_of: the site has repositories = [\"clients\"], subject = \"phone\", this configuration \
              repositories = [\"clients\"], subject = \"phone\", reads = true"
            ]
        );
        assert_eq!(
            recorded.differences(&site(&[clients()], "RU")),
            ["function visits_of: the site has it configured, this configuration does not"]
        );
        let json = r#"{"subjects":{"kind":"phone","region":"RU"},
            "repositories":{"clients":{"schema":"public","key":["id"],"subject":"phone"}}}"#;
        let before: SiteDescription = serde_json::from_str(json).unwrap();
        assert!(
            before.differences(&recorded).is_empty(),
            "nobody knows what it had configured"
        );
    }

    #[test]
    fn a_description_is_the_same_after_it_was_recorded() {
        let uuids = SubjectRule::of_kind(SubjectKind::Uuid, "RU").unwrap();
        for recorded in [
            site(&[clients()], "RU"),
            SiteDescription::of(&[clients()], &BTreeMap::new(), &uuids),
        ] {
            assert_eq!(
                serde_json::from_str::<SiteDescription>(&recorded.to_json()).unwrap(),
                recorded
            );
        }
    }
}
