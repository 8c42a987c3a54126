use std::collections::BTreeMap;
use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::repair::Repair;

/// What counts as equal where two sides are compared, when people hear of divergences, and what becomes of them. Every setting has a
/// default. A repository's own settings win over those of `[columns]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of the divergence policy")]
pub struct Settings {
    /// What counts as equal in every repository.
    #[serde(default)]
    pub(crate) columns: Own,
    /// Other settings for single repositories, by name.
    #[serde(default)]
    pub(crate) repositories: BTreeMap<String, Own>,
    #[serde(default)]
    pub(crate) alerts: Alerts,
    #[serde(default)]
    pub(crate) repair: Repair,
}

/// What counts as equal. In a repository, the general settings hold for those that are left out. Arrays, ranges and composite types
/// count as equal only if their texts are.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Own {
    /// The columns that may differ. A repository's own list takes the place of the general one. A column that there is not is no
    /// mistake.
    pub(crate) ignore: Option<Vec<String>>,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) numerics: Option<Numerics>,
    pub(crate) case: Option<Case>,
    pub(crate) white_space: Option<WhiteSpace>,
    pub(crate) json: Option<Json>,
}

/// When two values of a timestamp type are equal. Without this: `exact`.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Timestamps {
    /// If their texts are.
    #[default]
    Exact,
    /// If they are less than a millisecond apart, whatever their time zones.
    Milliseconds,
    /// If they are less than a second apart, whatever their time zones.
    Seconds,
}

/// When two numbers (integers, `numeric`, `real`, `double precision`) are equal. Without this: `scale`.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Numerics {
    /// If their texts are: 1.50 and 1.5 differ.
    #[default]
    Scale,
    /// If they are the same number: 1.50 and 1.5 are equal.
    Value,
}

/// Whether the case of letters counts in texts (`text`, `character varying`, `character`). Without this: `exact`.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// It counts.
    #[default]
    Exact,
    /// It does not count.
    Ignore,
}

/// Whether white space counts in texts (`text`, `character varying`, `character`). Without this: `exact`.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WhiteSpace {
    /// It counts.
    #[default]
    Exact,
    /// At the ends it does not count, and in between all white space counts as one space.
    Ignore,
}

/// When two values of `json` or `jsonb` are equal. Without this: `text`.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Json {
    /// If their texts are.
    #[default]
    Text,
    /// If they say the same: the order of keys and white space do not count, and 1.50 and 1.5 are equal. Of a key that is there
    /// twice the last value counts. Values of more than 32 levels, and those of rows of more than 128 KiB, are equal only if their
    /// texts are.
    Value,
}

/// When people hear of divergences. What the authority answers differently by itself (the noise) is no divergence.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    /// If a larger part of the compared reads differs, less the noise, or of the mirrored rows, or of those that a walk compared, a
    /// critical alert says so. Rows that were changed behind Turnout's back are not in it.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) rate_percent: f64,
    /// If fewer rows of one source were compared within the window, its rate is not told.
    pub(crate) min_compared: NonZeroU64,
    /// If more rows differ within the window, or more cannot be mirrored, a warning says so.
    pub(crate) many: u64,
    /// Whether a warning says how many divergences are open, once in each length of the window.
    pub(crate) report: bool,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            rate_percent: 5.0,
            min_compared: NonZeroU64::MIN.saturating_add(19),
            many: 10,
            report: true,
        }
    }
}
