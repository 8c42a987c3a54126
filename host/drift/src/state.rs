use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use turnout_preflight::Difference;
use turnout_vocabulary::PerBackend;

/// How much of a definition an alert repeats, in characters. The evidence has all of it.
const SHOWN: usize = 300;

/// What both sides have otherwise at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    differences: Vec<Defined>,
}

/// Something that both sides have otherwise, or that one side alone has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Defined {
    #[serde(flatten)]
    thing: Thing,
    /// How each side has it; `None` where it is missing.
    definitions: PerBackend<Option<String>>,
}

/// What is defined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Thing {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    object: String,
}

/// Something that differs since the last look, differs in another way, or differs no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    #[serde(flatten)]
    thing: Thing,
    /// How each side has it now; `None` if both sides have it alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    definitions: Option<PerBackend<Option<String>>>,
}

impl State {
    /// What these differences are, in an order of their own.
    pub(crate) fn of(differences: Vec<Difference>) -> Self {
        let defined = differences.into_iter().map(|difference| Defined {
            thing: Thing {
                kind: difference.kind.as_str().to_owned(),
                table: difference.table,
                object: difference.object,
            },
            definitions: difference.definitions,
        });
        let mut differences: Vec<Defined> = defined.collect();
        differences.sort_by(|one, other| one.thing.cmp(&other.thing));
        Self { differences }
    }

    /// What changed since an earlier state.
    pub(crate) fn since(&self, before: &Self) -> Vec<Change> {
        let known = before.by_thing();
        let now = self.by_thing();
        let differs = now
            .iter()
            .filter(|(thing, definitions)| known.get(*thing) != Some(definitions));
        let differs = differs.map(|(thing, definitions)| Change {
            thing: (*thing).clone(),
            definitions: Some((*definitions).clone()),
        });
        let gone = known.keys().filter(|thing| !now.contains_key(*thing));
        let gone = gone.map(|thing| Change {
            thing: (*thing).clone(),
            definitions: None,
        });
        differs.chain(gone).collect()
    }

    fn by_thing(&self) -> BTreeMap<&Thing, &PerBackend<Option<String>>> {
        let pairs = self
            .differences
            .iter()
            .map(|defined| (&defined.thing, &defined.definitions));
        pairs.collect()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Thing { kind, table, object } = &self.thing;
        if let Some(table) = table.as_ref().filter(|table| *table != object) {
            write!(f, "table {table}: ")?;
        }
        write!(f, "{} {object}", kind.replace('_', " "))?;
        let Some(PerBackend { old, new }) = &self.definitions else {
            return f.write_str(" is alike on both sides again");
        };
        let shown = |definition: &Option<String>| match definition {
            None => "nothing".to_owned(),
            Some(text) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{} …", &text[..end]),
                None => text.clone(),
            },
        };
        write!(f, ": old has {}; new has {}", shown(old), shown(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(defined: &[(&str, Option<&str>, Option<&str>)]) -> State {
        let defined = defined.iter().map(|(object, old, new)| Defined {
            thing: Thing {
                kind: "column".into(),
                table: Some("public.clients".into()),
                object: (*object).into(),
            },
            definitions: PerBackend {
                old: old.map(str::to_owned),
                new: new.map(str::to_owned),
            },
        });
        State {
            differences: defined.collect(),
        }
    }

    #[test]
    fn what_comes_changes_and_goes_is_told_with_both_definitions() {
        let before = state(&[("a", Some("text"), None), ("b", None, Some("text")), ("c", None, None)]);
        let now = state(&[
            ("a", Some("text"), Some("integer")),
            ("c", None, None),
            ("d", None, Some("date")),
        ]);
        let told: Vec<String> = now.since(&before).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "table public.clients: column a: old has text; new has integer",
                "table public.clients: column d: old has nothing; new has date",
                "table public.clients: column b is alike on both sides again",
            ]
        );
        assert!(now.since(&now).is_empty());
    }

    #[test]
    fn a_long_definition_is_cut_in_what_is_told() {
        let told = state(&[("a", Some(&"я".repeat(400)), None)]).since(&State::default())[0].to_string();
        assert!(
            told.contains(&format!("old has {} …; new has nothing", "я".repeat(SHOWN))),
            "{told}"
        );
    }

    #[test]
    fn a_state_is_read_back_as_it_was_kept() {
        let kept = state(&[("a", Some("text"), None)]);
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), kept);
    }
}
