use serde_json::Value;

/// Adds where a decision differs from what was expected. Of a table only those keys count that are expected.
pub(super) fn add(differences: &mut Vec<String>, at: &str, expected: &Value, decided: &Value) {
    if let (Value::Object(keys), Value::Object(parts)) = (expected, decided) {
        for (key, expected) in keys {
            let at = format!("{at}.{key}");
            match parts.get(key) {
                Some(decided) => add(differences, &at, expected, decided),
                None => differences.push(format!(
                    "{at}: expected {expected}, decided {decided}, which has no `{key}`"
                )),
            }
        }
    } else if expected != decided {
        differences.push(format!("{at}: expected {expected}, decided {decided}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_expected_and_differs_is_named() {
        let decided = json!({"primary": "new", "fallback": "old", "compare": 0});
        let differences = |expected| {
            let mut found = Vec::new();
            add(&mut found, "read", &expected, &decided);
            found
        };
        assert!(differences(json!({"primary": "new"})).is_empty());
        assert_eq!(
            differences(json!({"fallback": "none", "primary": "old"})),
            [
                r#"read.fallback: expected "none", decided "old""#,
                r#"read.primary: expected "old", decided "new""#
            ]
        );
        assert_eq!(differences(json!("new")).len(), 1);
        assert!(differences(json!({"primry": "new"}))[0].contains("has no `primry`"));
    }
}
