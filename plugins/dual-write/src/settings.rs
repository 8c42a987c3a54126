use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;

use crate::retry::Retry;

/// The settings as the user writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) mirror: Option<Mirror>,
    pub(crate) sync_bound_ms: Option<NonZeroU32>,
    #[serde(default)]
    pub(crate) slow: Slow,
    #[serde(default)]
    pub(crate) retry: Retry,
    #[serde(default)]
    pub(crate) repositories: BTreeMap<String, Own>,
}

/// What a repository has of its own.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Own {
    pub(crate) mirror: Option<Mirror>,
    pub(crate) sync_bound_ms: Option<NonZeroU32>,
    #[serde(default)]
    pub(crate) slow: Slow,
}

/// How writes reach the other side.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mirror {
    Off,
    Async,
    Sync,
}

/// When people hear of a slow write.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slow {
    pub(crate) warning_ms: Option<u32>,
    pub(crate) critical_ms: Option<u32>,
}

#[cfg(test)]
mod tests {
    use turnout_settings::{Mistake, read};

    use super::*;

    #[test]
    fn a_mistake_is_refused_at_its_place() {
        for (json, place, words) in [
            (r#"{"miror": "off"}"#, "/miror", "`miror`"),
            (r#"{"mirror": "on"}"#, "/mirror", "`sync`"),
            (r#"{"sync_bound_ms": 0}"#, "/sync_bound_ms", "nonzero"),
            (r#"{"slow": {"critical_ms": -1}}"#, "/slow/critical_ms", "-1"),
            (r#"{"retry": {"first_ms": "50ms"}}"#, "/retry/first_ms", "50ms"),
            (r#"{"retry": {"park": 3}}"#, "/retry/park", "`park_after`"),
            (
                r#"{"repositories": {"x": {"retry": {}}}}"#,
                "/repositories/x/retry",
                "`mirror`",
            ),
        ] {
            let Mistake { pointer, reason } = read::<Written>(json).err().unwrap();
            assert_eq!(pointer, place);
            assert!(reason.contains(words), "{reason}");
        }
    }
}
