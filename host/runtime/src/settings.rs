//! Turns settings as people write them (TOML) into the JSON that a policy is handed.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use turnout_vocabulary::SubjectRule;

use crate::presentable::{REASON_BYTES, presentable};

/// The `format` by which the schema of a policy's settings marks a text as a subject. The host normalises such
/// texts, so that no policy needs to know how subjects are spelled.
const SUBJECT_FORMAT: &str = "turnout-subject";

/// How deep schemas may be put together of others.
const DEEPEST: usize = 4;

/// A mistake in a settings file.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line that the mistake stands on, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl Mistake {
    /// The reason may repeat what the file says, so it is made fit for a log.
    fn new(line: usize, reason: &str) -> Self {
        Self {
            line,
            reason: presentable(reason, REASON_BYTES),
        }
    }
}

/// A settings file, with the place of everything in it.
pub struct Document<'t> {
    text: &'t str,
    root: Spanned<DeValue<'t>>,
}

impl<'t> Document<'t> {
    /// Reads a text of at most `bytes` bytes, comments included.
    ///
    /// # Errors
    /// [`Mistake`] if the text is larger, or no TOML.
    pub fn parse(text: &'t str, bytes: usize) -> Result<Self, Mistake> {
        if text.len() > bytes {
            let reason = format!(
                "the settings have {} bytes, and {bytes} are allowed; make them smaller, or raise `policies.settings_kib` in \
                 turnout.toml",
                text.len()
            );
            // This reason is the host's own, and its numbers are no phones.
            return Err(Mistake { line: 1, reason });
        }
        match DeTable::parse(text) {
            Ok(table) => {
                let span = table.span();
                Ok(Self {
                    text,
                    root: Spanned::new(span, DeValue::Table(table.into_inner())),
                })
            }
            Err(error) => {
                let line = line(text, error.span().map_or(0, |span| span.start));
                Err(Mistake::new(line, error.message()))
            }
        }
    }

    /// The table that stands under a key, if there is one: settings inside another file.
    #[must_use]
    pub fn table(self, key: &str) -> Option<Self> {
        let DeValue::Table(mut table) = self.root.into_inner() else {
            return None;
        };
        let root = table.remove(key).filter(|value| value.get_ref().is_table())?;
        Some(Self { text: self.text, root })
    }

    /// One element of the array that stands under a key.
    #[must_use]
    pub fn element(self, key: &str, index: usize) -> Option<Self> {
        let DeValue::Table(mut table) = self.root.into_inner() else {
            return None;
        };
        let DeValue::Array(array) = table.remove(key)?.into_inner() else {
            return None;
        };
        let root = array.into_iter().nth(index)?;
        Some(Self { text: self.text, root })
    }

    /// The settings as the JSON that a policy is handed, with every text that `schema` marks as a subject normalised.
    ///
    /// # Errors
    /// [`Mistake`] if such a text is no subject.
    pub fn to_json(&self, schema: &str, rule: &SubjectRule) -> Result<String, Mistake> {
        let schema: Value = serde_json::from_str(schema).unwrap_or(Value::Null);
        let json = Conversion {
            document: self,
            schema: &schema,
            rule,
        }
        .value(&self.root, &[&schema])?;
        Ok(json.to_string())
    }

    /// A mistake at the place that a JSON pointer such as `/cohort/0/stage` names, or at the nearest one around it.
    #[must_use]
    pub fn mistake_at(&self, pointer: &str, reason: &str) -> Mistake {
        let mut at = &self.root;
        let mut offset = at.span().start;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match at.get_ref() {
                DeValue::Table(table) => table
                    .get_key_value(step.as_str())
                    .map(|(key, value)| (key.span().start, value)),
                DeValue::Array(array) => step
                    .parse()
                    .ok()
                    .and_then(|index: usize| array.get(index))
                    .map(|value| (value.span().start, value)),
                _ => None,
            };
            let Some((start, value)) = next else { break };
            (offset, at) = (start, value);
        }
        Mistake::new(line(self.text, offset), reason)
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

struct Conversion<'a> {
    document: &'a Document<'a>,
    schema: &'a Value,
    rule: &'a SubjectRule,
}

impl Conversion<'_> {
    /// The JSON of a value that any of these schemas may describe.
    fn value(&self, value: &Spanned<DeValue<'_>>, schemas: &[&Value]) -> Result<Value, Mistake> {
        let mut all = Vec::new();
        for schema in schemas {
            self.alternatives(schema, DEEPEST, &mut all);
        }
        Ok(match value.get_ref() {
            DeValue::Table(table) => {
                let mut object = Map::new();
                for (key, value) in table {
                    let key = key.get_ref().as_ref();
                    let of_key = all
                        .iter()
                        .map(|schema| schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]));
                    let of_key: Vec<_> = of_key.collect();
                    object.insert(key.to_owned(), self.value(value, &of_key)?);
                }
                Value::Object(object)
            }
            DeValue::Array(array) => {
                let of_items: Vec<_> = all.iter().map(|schema| &schema["items"]).collect();
                let items = array.iter().map(|item| self.value(item, &of_items));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            DeValue::String(text) if all.iter().any(|schema| schema["format"] == SUBJECT_FORMAT) => {
                let subject = self.rule.normalise_written(text);
                let subject = subject.map_err(|error| self.mistake(value, &error.to_string()))?;
                subject.as_str().into()
            }
            _ => {
                let scalar = serde::Deserialize::deserialize(ValueDeserializer::from(value.clone()));
                scalar.map_err(|error: toml::de::Error| self.mistake(value, error.message()))?
            }
        })
    }

    /// A schema and what it is put together of, no deeper than this.
    fn alternatives<'s>(&'s self, schema: &'s Value, deepest: usize, all: &mut Vec<&'s Value>) {
        let schema = self.resolve(schema);
        all.push(schema);
        if deepest > 0 {
            for parts in ["allOf", "anyOf", "oneOf"].map(|combined| schema[combined].as_array()) {
                for part in parts.into_iter().flatten() {
                    self.alternatives(part, deepest - 1, all);
                }
            }
        }
    }

    /// Follows `$ref` to a definition of the same schema.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let target = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        target
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(schema)
    }

    fn mistake(&self, value: &Spanned<DeValue<'_>>, reason: &str) -> Mistake {
        Mistake::new(line(self.document.text, value.span().start), reason)
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::SubjectKind;

    use super::*;

    const TEXT: &str = "[[cohort]]\nname = \"a\"\nsubjects = [\n  \"8 968 648-44-88\",\n]\npercent = 2.5\n";
    const SCHEMA: &str = r##"{"properties": {"cohort": {"items": {"$ref": "#/$defs/cohort"}}},
        "$defs": {"cohort": {"properties": {"subjects": {"items": {"format": "turnout-subject"}}}}}}"##;

    fn rule() -> SubjectRule {
        SubjectRule::for_region("RU").unwrap()
    }

    #[test]
    fn texts_that_the_schema_marks_are_normalised() {
        let json = Document::parse(TEXT, 1024).unwrap().to_json(SCHEMA, &rule()).unwrap();
        assert_eq!(
            json,
            r#"{"cohort":[{"name":"a","percent":2.5,"subjects":["+79686484488"]}]}"#
        );
    }

    #[test]
    fn texts_are_normalised_wherever_a_schema_is_put_together_of_others() {
        let optional = r##"{"anyOf": [{"$ref": "#/$defs/cohort"}, {"type": "null"}]}"##;
        let schema = SCHEMA.replace(r##"{"$ref": "#/$defs/cohort"}"##, optional);
        let json = Document::parse(TEXT, 1024).unwrap().to_json(&schema, &rule()).unwrap();
        assert!(json.contains(r#""subjects":["+79686484488"]"#), "{json}");
    }

    #[test]
    fn subjects_of_other_kinds_are_normalised_by_their_rule() {
        let uuids = SubjectRule::of_kind(SubjectKind::Uuid, "RU").unwrap();
        let text = TEXT.replace("8 968 648-44-88", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}");
        let json = Document::parse(&text, 1024).unwrap().to_json(SCHEMA, &uuids).unwrap();
        assert!(json.contains(r#"["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]"#), "{json}");
        let mistake = Document::parse(TEXT, 1024)
            .unwrap()
            .to_json(SCHEMA, &uuids)
            .unwrap_err();
        assert_eq!(
            mistake,
            Mistake {
                line: 4,
                reason: "this is not a UUID".into()
            }
        );
    }

    #[test]
    fn a_phone_that_is_none_is_refused_with_its_line_and_without_its_text() {
        let text = TEXT.replace("8 968 648-44-88", "nobody");
        let mistake = Document::parse(&text, 1024)
            .unwrap()
            .to_json(SCHEMA, &rule())
            .unwrap_err();
        assert_eq!(
            mistake,
            Mistake {
                line: 4,
                reason: "this is not a phone number".into()
            }
        );
    }

    #[test]
    fn a_mistake_repeats_no_phone_and_steers_no_screen() {
        let twice = "'8 968 648-44-88' = 1\n'8 968 648-44-88' = 2\n";
        let mistake = Document::parse(twice, 1024).err().unwrap();
        assert!(
            mistake.line == 2 && !mistake.reason.contains("648-44-88"),
            "{mistake:?}"
        );
        let document = Document::parse(TEXT, 1024).unwrap();
        let mistake = document.mistake_at("/percent", "no\u{1b}[2J 89686484488");
        assert_eq!(mistake.reason, "no\\u{1b}[2J [number hidden]");
    }

    #[test]
    fn a_text_is_bounded_whatever_it_is_made_of() {
        let comments = "# nothing\n".repeat(1000);
        let mistake = Document::parse(&comments, 1024).err().unwrap();
        assert!(
            mistake
                .reason
                .starts_with("the settings have 10000 bytes, and 1024 are allowed"),
            "{mistake:?}"
        );
    }

    #[test]
    fn a_phone_that_lacks_a_digit_is_refused_with_its_line() {
        let text = TEXT.replace("648-44-88", "648-44-8");
        let mistake = Document::parse(&text, 1024)
            .unwrap()
            .to_json(SCHEMA, &rule())
            .unwrap_err();
        assert_eq!(mistake.line, 4);
        assert_eq!(
            mistake.reason,
            "its country has no such phone number: a digit is missing, too many or wrong"
        );
    }

    #[test]
    fn settings_inside_another_file_keep_their_lines() {
        let text = format!(
            "a = 1\n[settings]\nb = 2\n{}",
            TEXT.replace("[cohort]", "[settings.cohort]")
        );
        let settings = Document::parse(&text, 1024).unwrap().table("settings").unwrap();
        assert!(settings.to_json(SCHEMA, &rule()).unwrap().contains("+79686484488"));
        assert_eq!(settings.mistake_at("/cohort/0/name", "").line, 5);
        assert_eq!(settings.mistake_at("", "").line, 2, "the table itself");
        assert!(Document::parse(&text, 1024).unwrap().table("a").is_none());
    }

    #[test]
    fn a_pointer_finds_its_line() {
        let document = Document::parse(TEXT, 1024).unwrap();
        for (pointer, line) in [
            ("/cohort/0/name", 2),
            ("/cohort/0/subjects/0", 4),
            ("/cohort/0/percent", 6),
            ("", 1),
        ] {
            assert_eq!(document.mistake_at(pointer, "").line, line, "{pointer}");
        }
        assert_eq!(
            document.mistake_at("/cohort/0/missing/deeper", "").line,
            1,
            "the nearest place around it"
        );
        assert_eq!(
            Document::parse("a = 1\nb = = 2\n", 1024)
                .err()
                .map(|mistake| mistake.line),
            Some(2)
        );
    }
}
