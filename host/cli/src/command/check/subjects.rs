//! Whether subject columns hold what the configuration says that subjects are, as far as a sample shows.

use std::collections::{HashMap, HashSet};

use turnout_backends::Database;
use turnout_vocabulary::{Repository, SubjectRule};

/// How many rows of each repository are looked at.
const SAMPLED: u32 = 1000;

/// What the samples of one side show, in words without a value. A side or a table that can't be read is named elsewhere.
pub(super) async fn warnings(database: &Database, repositories: &[Repository], rule: &SubjectRule) -> Vec<String> {
    let mut warnings = Vec::new();
    for repository in repositories {
        if let (Some(column), Ok(texts)) = (&repository.subject, database.subject_sample(repository, SAMPLED).await) {
            let found = Found::in_sample(&texts, rule);
            let of = format!("repository {}: subject column {column}", repository.name);
            warnings.extend(found.warnings(rule).map(|warning| format!("{of}: {warning}")));
        }
    }
    warnings
}

/// What is found in the texts of a subject column.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// How many rows were looked at.
    rows: usize,
    /// How many of them have no subject.
    nobodys: usize,
    /// How many subjects are spelled in several ways, and in how many ways together.
    respelled: usize,
    spellings: usize,
}

impl Found {
    fn in_sample(texts: &[String], rule: &SubjectRule) -> Self {
        let mut spellings: HashMap<_, HashSet<&str>> = HashMap::new();
        let mut nobodys = 0;
        for text in texts {
            match rule.normalise(text) {
                Ok(subject) => {
                    spellings.entry(subject).or_default().insert(text);
                }
                Err(_) => nobodys += 1,
            }
        }
        let several = || spellings.values().filter(|spellings| spellings.len() > 1);
        Self {
            rows: texts.len(),
            nobodys,
            respelled: several().count(),
            spellings: several().map(HashSet::len).sum(),
        }
    }

    fn warnings(&self, rule: &SubjectRule) -> impl Iterator<Item = String> {
        let Self {
            rows,
            nobodys,
            respelled,
            spellings,
        } = *self;
        let kind = rule.kind();
        let nobodys = (nobodys > 0).then(|| {
            let one = kind.one();
            format!(
                "{nobodys} of {rows} sampled values ({}) are not {one}; rows that have them belong to nobody and are in no cohort. Mend \
                 them, or see subjects.kind (it is \"{kind}\")",
                share(nobodys, rows)
            )
        });
        let respelled = (respelled > 0).then(|| {
            let subjects = if respelled == 1 { "subject" } else { "subjects" };
            format!(
                "{respelled} {subjects} with {spellings} spellings in {rows} sampled values: to the policies all spellings are one subject, \
                 and a filter by one spelling finds the rows of that spelling only"
            )
        });
        nobodys.into_iter().chain(respelled)
    }
}

/// A part in percent, to a tenth.
fn share(part: usize, whole: usize) -> String {
    let thousandths = part * 1000 / whole.max(1);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::SubjectKind;

    use super::*;

    fn warnings(kind: SubjectKind, texts: &[&str]) -> Vec<String> {
        let rule = SubjectRule::of_kind(kind, "RU").expect("there is a region RU");
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        Found::in_sample(&texts, &rule).warnings(&rule).collect()
    }

    #[test]
    fn values_that_are_no_subject_are_counted_and_not_shown() {
        let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        let found = warnings(SubjectKind::Email, &["anna@example.com", uuid, "nobody"]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("2 of 3 sampled values (66.6 %) are not an email address"),
            "{found:?}"
        );
        assert!(!found[0].contains(uuid), "{found:?}");
        assert_eq!(warnings(SubjectKind::Uuid, &[uuid, uuid]), Vec::<String>::new());
        assert_eq!(warnings(SubjectKind::Uuid, &[]), Vec::<String>::new());
    }

    #[test]
    fn spellings_of_one_subject_are_counted() {
        let phones = ["89686484488", "+7 968 648-44-88", "89686484488", "+79990000000"];
        let found = warnings(SubjectKind::Phone, &phones);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("1 subject with 2 spellings in 4 sampled values"),
            "{found:?}"
        );
    }
}
