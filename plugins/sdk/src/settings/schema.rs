use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The JSON Schema of settings as text. Every table is described in its place, without `$ref`, so that a host finds the subjects easily.
#[must_use]
pub fn schema<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    without_null(&mut schema);
    format!("{:#}", schema.as_value())
}

/// Removes the `null` that `Option` puts into a schema: TOML has no null, and a host would not find subjects behind it.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    for key in ["type", "enum"] {
        if let Some(Value::Array(allowed)) = object.get_mut(key) {
            allowed.retain(|one| !one.is_null() && one != "null");
            if key == "type" && allowed.len() == 1 {
                object[key] = allowed.remove(0);
            }
        }
    }
    if let Some(Value::Array(ways)) = object.get_mut("anyOf") {
        ways.retain(|way| way["type"] != "null");
        if ways.len() == 1
            && let Value::Object(only) = ways.remove(0)
        {
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    transform_subschemas(&mut (without_null as fn(&mut Schema)), schema);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::Subjects;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is asked for")]
    #[serde(deny_unknown_fields)]
    struct Settings {
        /// Whom it is about.
        group: Option<Group>,
        groups: BTreeMap<String, Option<Group>>,
        way: Option<Way>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is asked for")]
    struct Group {
        subjects: Option<Subjects>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        /// Up.
        Up,
        /// Down.
        Down,
    }

    #[test]
    fn the_host_finds_subjects_in_every_table_and_no_null() {
        let schema: Value = serde_json::from_str(&schema::<Settings>()).unwrap();
        let subjects = json!({"type": "array", "items": {"type": "string", "format": "turnout-subject"}});
        for table in ["/properties/group", "/properties/groups/additionalProperties"] {
            let table = schema.pointer(table).unwrap();
            assert_eq!(table["type"], "object");
            assert_eq!(table["properties"]["subjects"], subjects);
        }
        assert_eq!(schema["properties"]["group"]["description"], "Whom it is about.");
        assert_eq!(schema["properties"]["way"]["oneOf"][1]["const"], "down");
        assert_eq!(schema["additionalProperties"], false);
        assert!(!schema.to_string().contains("null"), "{schema:#}");
    }
}
