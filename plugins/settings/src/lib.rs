//! Reads the settings that the host hands to a policy, and says where they are wrong. Every policy here is built with it.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// A mistake in settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is: a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, in words for the person who wrote it.
    pub reason: String,
}

impl Mistake {
    /// A mistake at a pointer.
    pub fn at(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            reason: reason.into(),
        }
    }
}

/// Reads settings.
///
/// # Errors
/// The first [`Mistake`]. Its reason may repeat the wrong value.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, Mistake> {
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| Mistake::at("", format!("this is not JSON: {error}")))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let error: serde_path_to_error::Error<serde_json::Error> = error;
        Mistake::at(pointer(error.path()), error.inner().to_string())
    })
}

/// Checks that the repositories written as `[repositories.NAME]` are served.
///
/// # Errors
/// A [`Mistake`] at the first that is not.
pub fn check_repositories<'a>(written: impl IntoIterator<Item = &'a String>, served: &[&str]) -> Result<(), Mistake> {
    match written.into_iter().find(|name| !served.contains(&name.as_str())) {
        Some(name) => Err(Mistake::at(
            repository(name),
            format!("no repository is called `{name}`; there are {}", served.join(", ")),
        )),
        None => Ok(()),
    }
}

/// The pointer of what is written as `[repositories.NAME]`.
#[must_use]
pub fn repository(name: &str) -> String {
    format!("/repositories/{}", escape(name))
}

fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", escape(key)),
        // An enum here is a text; what is unknown has no name.
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
            ("{", ""),
        ] {
            assert_eq!(read::<Settings>(json).unwrap_err().pointer, place, "{json}");
        }
    }

    #[test]
    fn a_repository_that_is_not_served_is_refused_with_those_that_are() {
        let written = ["clients".to_owned(), "servces".to_owned()];
        let served = ["clients", "services"];
        assert_eq!(check_repositories(&written[..1], &served), Ok(()));
        let mistake = check_repositories(&written, &served).unwrap_err();
        assert_eq!(mistake.pointer, "/repositories/servces");
        assert_eq!(
            mistake.reason,
            "no repository is called `servces`; there are clients, services"
        );
    }
}
