use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use turnout_policy::Subjects;

use crate::stage::Stage;

/// Which subjects stand at which stage of the move. The first of these that there is decides: the cohort that lists the subject,
/// the percentage that the subject falls into, the repository's default, the general default.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of the routing policy")]
pub struct Settings {
    /// Sets of subjects that share a stage. Percentages take their subjects in the order written here.
    #[serde(default)]
    pub(crate) cohort: Vec<Cohort>,
    /// Where everything stands that no cohort has.
    pub(crate) default: Place,
    /// Another default for single repositories, by name.
    #[serde(default)]
    pub(crate) repositories: BTreeMap<String, Place>,
}

/// A set of subjects that share a stage.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["subjects"] }, { "required": ["percent"] }]))]
pub(crate) struct Cohort {
    /// What people call it. No two cohorts have the same name.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// The subjects of this cohort (phone numbers, email addresses, UUIDs or texts, as the host is configured), in any spelling. A subject
    /// is in one cohort at most.
    pub(crate) subjects: Option<Subjects>,
    /// The share of all subjects that this cohort has, fractions allowed (to a millionth of a percent). A subject stays where
    /// it is while the figure grows. All together are at most 100.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) percent: Option<f64>,
    pub(crate) stage: Stage,
}

/// The stage at which all subjects stand that no cohort has.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) stage: Stage,
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use crate::Stages;

    fn refused(json: &str) -> (String, String) {
        let error = testing::configure::<Stages>(json, &["clients"]).unwrap_err();
        (error.pointer().unwrap().into(), error.reason().into())
    }

    #[test]
    fn an_unknown_stage_is_refused_with_the_stages_that_there_are() {
        let (pointer, reason) = refused(r#"{"default": {"stage": "lively"}}"#);
        assert_eq!(pointer, "/default/stage");
        assert!(
            reason.contains("`lively`") && reason.contains("`live`") && reason.contains("`rampdown`"),
            "{reason}"
        );
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        for (json, table, key) in [
            (r#"{"default": {"stage": "off"}, "cohorts": []}"#, "", "cohorts"),
            (r#"{"default": {"stage": "off", "stages": 1}}"#, "/default", "stages"),
            (
                r#"{"cohort": [{"nmae": "x"}], "default": {"stage": "off"}}"#,
                "/cohort/0",
                "nmae",
            ),
            (
                r#"{"default": {"stage": "off"}, "repositories": {"a/b": {"stge": "off"}}}"#,
                "/repositories/a~1b",
                "stge",
            ),
        ] {
            let (pointer, reason) = refused(json);
            assert_eq!(pointer, format!("{table}/{key}"));
            assert!(reason.contains(&format!("`{key}`")), "{reason}");
        }
    }

    #[test]
    fn a_missing_value_is_refused_at_its_table_and_by_the_name_of_its_cohort() {
        assert_eq!(refused("{}"), (String::new(), "missing field `default`".into()));
        let (pointer, reason) = refused(r#"{"cohort": [{"name": "x", "percent": 1}], "default": {"stage": "off"}}"#);
        assert_eq!(
            (pointer.as_str(), reason.as_str()),
            ("/cohort/0", "missing field `stage` of `x`")
        );
    }

    #[test]
    fn what_lacks_a_stage_is_told_apart_from_its_neighbours() {
        let listed = r#"{"subjects": ["+79686484488"], "stage": "live"}"#;
        for (json, reason) in [
            (
                format!(r#"{{"cohort": [{listed}], "default": {{"stage": "off"}}}}"#),
                "missing field `name` of `cohort.0`",
            ),
            (
                r#"{"default": {"stage": "off"}, "repositories": {"clients": {}}}"#.into(),
                "missing field `stage` of `repositories.clients`",
            ),
            (r#"{"default": {}}"#.into(), "missing field `stage` of `default`"),
        ] {
            assert_eq!(refused(&json).1, reason);
        }
    }

    #[test]
    fn a_phone_is_never_repeated() {
        for subjects in [
            "89686484488",
            "[89686484488]",
            r#""89686484488""#,
            r#"{"89686484488": 1}"#,
        ] {
            let (pointer, reason) = refused(&format!(
                r#"{{"cohort": [{{"name": "x", "subjects": {subjects}, "stage": "off"}}], "default": {{"stage": "off"}}}}"#
            ));
            assert!(pointer.starts_with("/cohort/0/subjects"), "{pointer}");
            assert!(
                !pointer.contains("8968") && !reason.contains("8968"),
                "{pointer} {reason}"
            );
        }
    }
}
