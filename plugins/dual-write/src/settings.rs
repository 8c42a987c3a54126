use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::retry::Retry;

/// How writes reach the other side, what becomes of rows that cannot be mirrored, and when people hear of a write. Every time is
/// a whole number of milliseconds. Every setting has a default. A repository's own settings win over the general ones.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of the dual-write policy")]
pub struct Settings {
    #[schemars(extend("default" = "async"))]
    pub(crate) mirror: Option<Mirror>,
    /// How long the answer to a sync write waits for the other side at most. The write is done all the same.
    #[schemars(extend("default" = 500))]
    pub(crate) sync_bound_ms: Option<NonZeroU32>,
    #[serde(default)]
    #[schemars(extend("default" = { "warning_ms": 500, "critical_ms": 1000 }))]
    pub(crate) slow: Slow,
    #[serde(default)]
    pub(crate) retry: Retry,
    /// Other settings for single repositories, by name.
    #[serde(default)]
    pub(crate) repositories: BTreeMap<String, Own>,
}

/// A repository's own settings. The general ones hold for those that are left out.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Own {
    pub(crate) mirror: Option<Mirror>,
    /// How long the answer to a sync write waits for the other side at most. The write is done all the same.
    pub(crate) sync_bound_ms: Option<NonZeroU32>,
    #[serde(default)]
    pub(crate) slow: Slow,
}

/// How a write reaches the other side, where the routing policy mirrors at all.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mirror {
    /// The write is not mirrored.
    Off,
    /// The write is mirrored after the answer.
    Async,
    /// The write is mirrored before the answer, which waits at most `sync_bound_ms`.
    Sync,
}

/// When people hear of a write whose authority answers late, or whose other side is equal late.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slow {
    /// A write that took longer raises a warning.
    pub(crate) warning_ms: Option<u32>,
    /// A write that took longer raises a critical alert. It is not less than `warning_ms`.
    pub(crate) critical_ms: Option<u32>,
}
