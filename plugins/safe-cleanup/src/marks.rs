use std::collections::BTreeMap;

use turnout_policy::safe_cleanup::Row;
use turnout_policy::{Prefixes, Repository, SettingsError, check_repositories, phone_digits};

use crate::settings;

/// The fewest letters of a text and digits of a beginning. Shorter ones would mark rows that are no test rows.
const SHORTEST: usize = 4;

/// The most digits that a phone number has.
const LONGEST_PHONE: usize = 15;

/// What marks a test row, by the number of the repository.
pub(crate) struct Marks(Vec<Rule>);

/// The same of one repository.
#[derive(Clone)]
struct Rule {
    /// Texts, by the column that contains one.
    contains: BTreeMap<String, Vec<String>>,
    subject_prefixes: Prefixes,
    /// Digits, by the column whose phone begins with one.
    column_prefixes: BTreeMap<String, Vec<String>>,
}

impl Marks {
    pub(crate) fn new(
        general: settings::Marks,
        own: BTreeMap<String, settings::Marks>,
        repositories: &[Repository],
    ) -> Result<Self, SettingsError> {
        check_repositories(own.keys(), repositories)?;
        let general = Rule::new(general).map_err(|error| error.within("marks"))?;
        let mut rules = vec![general; repositories.len()];
        for (name, marks) in own {
            let rule = Rule::new(marks).map_err(|error| error.within(&name).within("repositories"))?;
            let names = repositories.iter().map(|repository| &repository.name);
            for (of, _) in rules.iter_mut().zip(names).filter(|(_, of)| **of == name) {
                *of = rule.clone();
            }
        }
        Ok(Self(rules))
    }

    /// Whether a row carries a mark. The repository must be one of those that `configure` received.
    pub(crate) fn are_on(&self, row: &Row) -> bool {
        self.0[usize::from(row.repository)].marks(row)
    }
}

impl Rule {
    fn new(marks: settings::Marks) -> Result<Self, SettingsError> {
        for (column, texts) in &marks.contains {
            let short = texts.iter().position(|text| text.trim().chars().count() < SHORTEST);
            if let Some(place) = short {
                let reason = format!("a text of fewer than {SHORTEST} letters would mark rows that are no test rows");
                return Err(SettingsError::at(format!("/{place}"), reason)
                    .within(column)
                    .within("contains"));
            }
        }
        // The `+` is no digit.
        let short = marks
            .subject_prefixes
            .iter()
            .position(|prefix| prefix.len() <= SHORTEST);
        if let Some(place) = short {
            return Err(SettingsError::at(format!("/{place}"), too_short()).within("subject_prefixes"));
        }
        let mut column_prefixes = BTreeMap::new();
        for (column, prefixes) in marks.column_prefixes {
            let digits = prefixes.iter().enumerate().map(|(place, prefix)| {
                beginning(prefix).map_err(|reason| {
                    SettingsError::at(format!("/{place}"), reason)
                        .within(&column)
                        .within("column_prefixes")
                })
            });
            let digits = digits.collect::<Result<_, _>>()?;
            column_prefixes.insert(column, digits);
        }
        Ok(Self {
            contains: marks.contains,
            subject_prefixes: marks.subject_prefixes,
            column_prefixes,
        })
    }

    fn marks(&self, row: &Row) -> bool {
        let contains = |text: &str, parts: &[String]| parts.iter().any(|part| text.contains(part));
        let begins = |text: &str, beginnings: &[String]| {
            let phone = phone_digits(text).filter(|phone| phone.len() <= LONGEST_PHONE);
            phone.is_some_and(|phone| beginnings.iter().any(|beginning| phone.starts_with(beginning)))
        };
        row.subject
            .as_ref()
            .is_some_and(|subject| self.subject_prefixes.have(subject))
            || any(&self.contains, row, contains)
            || any(&self.column_prefixes, row, begins)
    }
}

/// Whether one of the columns of a row has a text that is as it must be.
fn any(columns: &BTreeMap<String, Vec<String>>, row: &Row, is_so: impl Fn(&str, &[String]) -> bool) -> bool {
    let mut columns = columns.iter();
    columns.any(|(column, of)| row.text(column).is_some_and(|text| is_so(text, of)))
}

/// The digits of what phones in a column begin with.
fn beginning(written: &str) -> Result<String, String> {
    let digits = phone_digits(written)
        .ok_or("what phones begin with has digits, and no more than spaces, hyphens, brackets and a `+` beside them")?;
    if digits.len() < SHORTEST {
        return Err(too_short());
    }
    Ok(digits)
}

fn too_short() -> String {
    format!("a beginning of fewer than {SHORTEST} digits would mark rows that are no test rows")
}

#[cfg(test)]
mod tests {
    use turnout_policy::safe_cleanup::Column;
    use turnout_policy::testing;

    use super::*;
    use crate::TestRows;

    fn row(repository: u16, subject: Option<&str>, columns: &[(&str, Option<&str>)]) -> Row {
        let column = |&(name, text): &(&str, Option<&str>)| Column {
            name: name.into(),
            kind: "text".into(),
            text: text.map(Into::into),
        };
        Row {
            repository,
            subject: subject.map(Into::into),
            columns: columns.iter().map(column).collect(),
        }
    }

    /// Whether a row of `clients` with one column is a test row.
    fn is_marked(toml: &str, column: &str, text: &str) -> bool {
        let policy: TestRows = testing::configure(toml, &["clients"]).unwrap();
        policy
            .marks
            .are_on(&row(0, None, &[("id", Some("7")), (column, Some(text))]))
    }

    #[test]
    fn name_with_the_mark_is_a_test_row() {
        for (name, marked) in [
            ("[TEST_CLIENT]", true),
            ("Anna [TEST_CLIENT] 7", true),
            ("[test_client] Anna", false),
            ("TEST_CLIENT Anna", false),
            ("[TESTXCLIENT] Anna", false),
            ("%[TEST%", false),
            ("T", false),
            ("", false),
            ("[ТЕST_CLIENT] Anna", false),
            ("[TEST\u{ff3f}CLIENT] Anna", false),
            ("[TEST_\u{200b}CLIENT] Anna", false),
        ] {
            assert_eq!(is_marked("", "name", name), marked, "{name}");
        }
    }

    #[test]
    fn mark_in_another_column_is_none() {
        assert!(!is_marked("", "note", "[TEST_CLIENT]"));
        assert!(!is_marked("", "Name", "[TEST_CLIENT]"));
        let policy: TestRows = testing::configure("", &["clients"]).unwrap();
        assert!(!policy.marks.are_on(&row(0, None, &[("name", None)])));
        assert!(!policy.marks.are_on(&row(0, None, &[])));
    }

    #[test]
    fn test_phone_as_subject_is_a_test_row() {
        let policy: TestRows = testing::configure("", &["clients"]).unwrap();
        for (subject, marked) in [
            (Some("+79990012345"), true),
            (Some("+79686484488"), false),
            (Some("+17999001234"), false),
            (Some("899900"), false),
            (None, false),
        ] {
            let row = row(0, subject, &[("phone", Some("8 999 00 1-23-45"))]);
            assert_eq!(policy.marks.are_on(&row), marked, "{subject:?}");
        }
    }

    #[test]
    fn signs_of_patterns_are_letters() {
        let toml = "marks.contains.note = ['100%_[a-z]*']";
        assert!(is_marked(toml, "note", "for 100%_[a-z]* sure"));
        for other in ["100 _[a-z]*", "100%x[a-z]*", "100%_q", "100%_[a-z]"] {
            assert!(!is_marked(toml, "note", other), "{other}");
        }
    }

    #[test]
    fn phone_in_another_column_is_found_in_any_spelling() {
        let toml = "marks.column_prefixes.contact = ['+7 999 00', '8 (999) 00']";
        for phone in ["89990012345", "8 (999) 001-23-45", "+7 999 001 23 45", "79990012345"] {
            assert!(is_marked(toml, "contact", phone), "{phone}");
        }
        for phone in ["9990012345", "89686484488", "call 89990012345", "8999001234567890", ""] {
            assert!(!is_marked(toml, "contact", phone), "{phone}");
        }
        assert!(!is_marked(toml, "phone", "89990012345"));
    }

    #[test]
    fn settings_of_marks_take_the_place_of_the_default() {
        let toml = "marks.subject_prefixes = ['+7 968']";
        assert!(!is_marked(toml, "name", "[TEST_CLIENT]"));
        let policy: TestRows = testing::configure(toml, &["clients"]).unwrap();
        assert!(policy.marks.are_on(&row(0, Some("+79686484488"), &[])));
        assert!(!policy.marks.are_on(&row(0, Some("+79990012345"), &[])));
    }

    #[test]
    fn repository_has_its_own_marks_and_else_the_general_ones() {
        let toml = r#"
            [repositories.bookings]
            contains = { client_name = ["[TEST_CLIENT]"] }

            [repositories.services]
        "#;
        let policy: TestRows = testing::configure(toml, &["bookings", "clients", "services"]).unwrap();
        for (column, marked) in [("name", [false, true, false]), ("client_name", [true, false, false])] {
            for (repository, marked) in (0..).zip(marked) {
                let row = row(repository, None, &[(column, Some("[TEST_CLIENT]"))]);
                assert_eq!(policy.marks.are_on(&row), marked, "{column} {repository}");
            }
        }
        assert!(!policy.marks.are_on(&row(2, Some("+79990012345"), &[])));
    }
}
