mod error;
mod prefixes;
mod schema;
mod subjects;

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

pub use error::SettingsError;
pub use prefixes::{Prefixes, phone_digits};
pub use schema::schema;
pub use subjects::Subjects;

use crate::Repository;

/// Reads settings from JSON, or says where they are wrong.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, SettingsError> {
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| SettingsError::new(format!("this is not JSON: {error}")))?;
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let error: serde_path_to_error::Error<serde_json::Error> = error;
        let pointer = pointer(error.path());
        let mut reason = error.inner().to_string();
        // A reason about a missing field names the table that lacks the field, so that the user can tell it from its neighbours.
        if reason.starts_with("missing field") && !pointer.is_empty() {
            let name = value.pointer(&pointer).and_then(|table| table["name"].as_str());
            let of = name.map_or_else(|| pointer[1..].replace('/', "."), ToOwned::to_owned);
            reason = format!("{reason} of `{of}`");
        }
        SettingsError::at(pointer, reason)
    })
}

/// Checks that the repositories written as `[repositories.NAME]` are served.
///
/// # Errors
/// [`SettingsError`] at the first name that is not served.
pub fn check_repositories<'a>(
    written: impl IntoIterator<Item = &'a String>,
    served: &[Repository],
) -> Result<(), SettingsError> {
    match written
        .into_iter()
        .find(|name| served.iter().all(|served| served.name != **name))
    {
        Some(name) => {
            let served: Vec<_> = served.iter().map(|served| served.name.as_str()).collect();
            let reason = format!("no repository is called `{name}`; there are {}", served.join(", "));
            Err(SettingsError::at("", reason).within(name).within("repositories"))
        }
        None => Ok(()),
    }
}

fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", escape(key)),
        // An enum is a text here, so nothing stands inside it. An unknown segment has no name.
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// A key as a part of a JSON Pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_mistake_is_found_wherever_it_is() {
        type Settings = BTreeMap<String, Vec<u8>>;
        for (json, place) in [
            (r#"{"a": [1, "x"]}"#, "/a/1"),
            (r#"{"a/b~c": 1}"#, "/a~1b~0c"),
            ("[]", ""),
        ] {
            assert_eq!(read::<Settings>(json).unwrap_err().pointer(), Some(place), "{json}");
        }
    }

    #[test]
    fn a_repository_that_is_not_served_is_refused_with_those_that_are() {
        let written = ["clients".to_owned(), "servces".to_owned()];
        let served = ["clients".into(), "services".into()];
        check_repositories(&written[..1], &served).unwrap();
        let error = check_repositories(&written, &served).unwrap_err();
        assert_eq!(error.pointer(), Some("/repositories/servces"));
        assert_eq!(
            error.reason(),
            "no repository is called `servces`; there are clients, services"
        );
    }
}
