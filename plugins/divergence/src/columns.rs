mod decimal;
mod instant;
mod json;

use std::collections::BTreeMap;

use turnout_policy::divergence::{Column, Pair, differing};
use turnout_policy::{Repository, SettingsError, check_repositories};

use crate::settings::{Case, Json, Numerics, Own, Timestamps, WhiteSpace};

/// The longest row whose JSON is read, in bytes of both sides together: a call of a policy has bounds.
const READ_BYTES: usize = 128 << 10;

/// Which columns may differ, and what counts as equal in the others, by the number of the repository.
pub(crate) struct Columns(Vec<Rule>);

/// The same of one repository.
#[derive(Clone)]
struct Rule {
    ignore: Vec<String>,
    timestamps: Timestamps,
    numerics: Numerics,
    case: Case,
    white_space: WhiteSpace,
    json: Json,
}

impl Columns {
    pub(crate) fn new(
        general: &Own,
        mut own: BTreeMap<String, Own>,
        repositories: &[Repository],
    ) -> Result<Self, SettingsError> {
        check_repositories(own.keys(), repositories)?;
        let mut rule = |Repository { name, .. }: &Repository| {
            let own = own.remove(name).unwrap_or_default();
            Rule {
                ignore: own.ignore.or_else(|| general.ignore.clone()).unwrap_or_default(),
                timestamps: own.timestamps.or(general.timestamps).unwrap_or_default(),
                numerics: own.numerics.or(general.numerics).unwrap_or_default(),
                case: own.case.or(general.case).unwrap_or_default(),
                white_space: own.white_space.or(general.white_space).unwrap_or_default(),
                json: own.json.or(general.json).unwrap_or_default(),
            }
        };
        Ok(Self(repositories.iter().map(&mut rule).collect()))
    }

    /// The places of the columns that really differ. The repository must be one of those that `configure` received.
    pub(crate) fn differing(&self, pair: &Pair) -> Vec<u32> {
        let rule = &self.0[usize::from(pair.repository)];
        let texts = pair.columns.iter().flat_map(|column| [&column.old, &column.new]);
        let is_long = texts.flatten().map(String::len).sum::<usize>() > READ_BYTES;
        let json = if is_long { Json::Text } else { rule.json };
        differing(pair, |column| rule.differs(column, json))
    }
}

impl Rule {
    /// Whether a column whose texts differ really differs.
    fn differs(&self, column: &Column, json: Json) -> bool {
        if self.ignore.contains(&column.name) {
            return false;
        }
        match (&column.old, &column.new) {
            (Some(old), Some(new)) => !self.are_equal(&column.kind, old, new, json),
            _ => true,
        }
    }

    /// Whether two texts of a type say the same.
    fn are_equal(&self, kind: &str, old: &str, new: &str, json: Json) -> bool {
        match Kind::of(kind) {
            Some(Kind::Timestamp) => {
                let apart = match self.timestamps {
                    Timestamps::Exact => return false,
                    Timestamps::Milliseconds => 1_000,
                    Timestamps::Seconds => 1_000_000,
                };
                instant::distance(old, new).is_some_and(|distance| distance < apart)
            }
            Some(Kind::Number) => matches!(self.numerics, Numerics::Value) && decimal::are_equal(old, new),
            Some(Kind::Text) => self.are_equal_texts(old, new),
            Some(Kind::Json) => matches!(json, Json::Value) && json::are_equal(old, new),
            None => false,
        }
    }

    fn are_equal_texts(&self, old: &str, new: &str) -> bool {
        let letters = |text: &str| match self.case {
            Case::Exact => text.to_owned(),
            Case::Ignore => text.to_lowercase(),
        };
        let (old, new) = (letters(old), letters(new));
        match self.white_space {
            WhiteSpace::Exact => old == new,
            WhiteSpace::Ignore => old.split_whitespace().eq(new.split_whitespace()),
        }
    }
}

/// The types for which there are settings.
enum Kind {
    Timestamp,
    Number,
    Text,
    Json,
}

impl Kind {
    /// What a type is, by the name that `format_type` gives it; `None` for types of which only the texts are compared, arrays among them.
    fn of(name: &str) -> Option<Self> {
        if name.ends_with(']') {
            return None;
        }
        // `timestamp(3) with time zone`, `numeric(10,2)`
        match name.split(['(', ' ']).next()? {
            "timestamp" => Some(Self::Timestamp),
            "smallint" | "integer" | "bigint" | "numeric" | "real" | "double" => Some(Self::Number),
            "text" | "character" | "citext" => Some(Self::Text),
            "json" | "jsonb" => Some(Self::Json),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;
    use crate::Comparing;

    /// Whether a column differs under settings.
    fn differs(toml: &str, kind: &str, old: &str, new: &str) -> bool {
        let policy: Comparing = testing::configure(toml, &["clients"]).unwrap();
        let column = column("column", kind, Some(old), Some(new));
        !policy.columns.differing(&pair(0, vec![column])).is_empty()
    }

    fn column(name: &str, kind: &str, old: Option<&str>, new: Option<&str>) -> Column {
        Column {
            name: name.into(),
            kind: kind.into(),
            old: old.map(Into::into),
            new: new.map(Into::into),
        }
    }

    fn pair(repository: u16, columns: Vec<Column>) -> Pair {
        Pair { repository, columns }
    }

    #[test]
    fn without_settings_every_column_whose_texts_differ_differs() {
        for (kind, old, new) in [
            (
                "timestamp with time zone",
                "2026-01-02 03:04:05+00",
                "2026-01-02 06:04:05+03",
            ),
            ("numeric(10,2)", "1.50", "1.5"),
            ("text", "Anna", "anna"),
            ("text", "a b", "a  b"),
            ("json", "{}", "{ }"),
            ("uuid", "a", "b"),
        ] {
            assert!(differs("", kind, old, new), "{kind}");
        }
        let policy: Comparing = testing::configure("", &["clients"]).unwrap();
        let columns = vec![
            column("id", "bigint", Some("7"), Some("7")),
            column("name", "text", Some("a"), None),
            column("note", "text", None, None),
            column("phone", "text", None, Some("")),
        ];
        assert_eq!(policy.columns.differing(&pair(0, columns)), [1, 3]);
    }

    #[test]
    fn timestamps_are_equal_below_the_precision() {
        let zoned = "timestamp(6) with time zone";
        for (kind, old, new, milliseconds, seconds) in [
            (
                zoned,
                "2026-01-02 03:04:05.123456+00",
                "2026-01-02 03:04:05.123+00",
                true,
                true,
            ),
            (
                zoned,
                "2026-01-02 03:04:05.1237+00",
                "2026-01-02 03:04:05.124+00",
                true,
                true,
            ),
            (zoned, "2026-01-02 03:04:05.1+00", "2026-01-02 03:04:05+00", false, true),
            (zoned, "2026-01-02 03:04:05+00", "2026-01-02T06:04:05+03:00", true, true),
            (zoned, "2026-01-02 03:04:05+00", "2026-01-02 03:04:05+03", false, false),
            (zoned, "2026-01-02 03:04:05+00", "2026-01-02 03:04:06+00", false, false),
            (zoned, "2026-01-02 03:04:05+00", "2026-01-02 03:04:05", false, false),
            (
                "timestamp without time zone",
                "2026-01-02 03:04:05.0001",
                "2026-01-02 03:04:05",
                true,
                true,
            ),
            (zoned, "infinity", "-infinity", false, false),
            ("timestamp with time zone[]", "{2026-01-02}", "{}", false, false),
        ] {
            for (setting, equal) in [("milliseconds", milliseconds), ("seconds", seconds)] {
                let toml = format!("columns.timestamps = '{setting}'");
                assert_eq!(!differs(&toml, kind, old, new), equal, "{setting}: {old} {new}");
            }
        }
    }

    #[test]
    fn numbers_are_equal_by_value() {
        let toml = "columns.numerics = 'value'";
        for kind in ["numeric", "numeric(10,2)", "bigint", "double precision"] {
            assert!(!differs(toml, kind, "1.50", "1.5"), "{kind}");
            assert!(differs(toml, kind, "1.50", "1.51"), "{kind}");
        }
        assert!(differs(toml, "text", "1.50", "1.5"));
        assert!(differs(toml, "numeric[]", "{1.50}", "{1.5}"));
    }

    #[test]
    fn case_and_white_space_do_not_count_where_they_are_ignored() {
        let (case, space) = ("columns.case = 'ignore'", "columns.white_space = 'ignore'");
        for kind in ["text", "character varying(20)", "character(5)"] {
            assert!(!differs(case, kind, "АННА", "Анна"), "{kind}");
            assert!(differs(case, kind, "Anna ", "Anna"), "{kind}");
            assert!(!differs(space, kind, " Anna\tIvanova\n", "Anna  Ivanova"), "{kind}");
            assert!(differs(space, kind, "Anna", "An na"), "{kind}");
            assert!(differs(space, kind, "ANNA", "Anna"), "{kind}");
        }
        assert!(!differs(&format!("{case}\n{space}"), "text", " ANNA", "Anna"));
        assert!(differs(case, "uuid", "A", "a"));
    }

    #[test]
    fn json_is_equal_by_value() {
        let toml = "columns.json = 'value'";
        for kind in ["json", "jsonb"] {
            assert!(
                !differs(toml, kind, r#"{"a": 1, "b": [2]}"#, r#"{"b":[2.0],"a":1}"#),
                "{kind}"
            );
        }
        assert!(differs(toml, "text", "{}", "{ }"));
        let long = |number: &str| format!("[\"{}\",{number}]", "a".repeat(READ_BYTES / 2));
        assert!(
            differs(toml, "json", &long("1"), &long("1.0")),
            "a long row is not read"
        );
    }

    #[test]
    fn repository_has_its_own_rule_and_else_the_general_one() {
        let toml = r#"
            [columns]
            ignore = ["updated_at", "version"]
            case = "ignore"

            [repositories.clients]
            ignore = ["name"]
            white_space = "ignore"
        "#;
        let policy: Comparing = testing::configure(toml, &["bookings", "clients"]).unwrap();
        let columns = || {
            vec![
                column("updated_at", "timestamp with time zone", Some("a"), Some("b")),
                column("name", "text", None, Some("b")),
                column("note", "text", Some("A"), Some(" a")),
                column("town", "text", Some("A"), Some("a")),
            ]
        };
        assert_eq!(policy.columns.differing(&pair(0, columns())), [1, 2]);
        assert_eq!(policy.columns.differing(&pair(1, columns())), [0]);
    }
}
