mod check;

use std::collections::BTreeMap;

use serde::Deserialize;
use turnout_settings::Mistake;

use crate::bindings::InvalidSetting;
use crate::cohorts::Cohorts;
use crate::stage::Stage;

/// Settings that hold together in themselves; whether the repositories exist is for whoever knows them.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) cohorts: Cohorts,
    pub(crate) default: Stage,
    pub(crate) repositories: BTreeMap<String, Stage>,
}

/// The settings as the user writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    cohort: Vec<Cohort>,
    default: Standing,
    #[serde(default)]
    repositories: BTreeMap<String, Standing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cohort {
    name: String,
    subjects: Option<Vec<String>>,
    percent: Option<f64>,
    stage: Stage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standing {
    stage: Stage,
}

/// Reads settings, or says where they are wrong.
pub(crate) fn parse(json: &str) -> Result<Settings, InvalidSetting> {
    let written: Written = turnout_settings::read(json).map_err(misread)?;
    Ok(Settings {
        cohorts: check::cohorts(written.cohort)?,
        default: written.default.stage,
        repositories: written
            .repositories
            .into_iter()
            .map(|(name, standing)| (name, standing.stage))
            .collect(),
    })
}

fn misread(Mistake { pointer, reason }: Mistake) -> InvalidSetting {
    // Serde's own words would repeat the value, which may be a phone.
    let reason = if pointer.contains("/subjects") {
        "subjects is a list of phones, each in quotes".into()
    } else {
        reason
    };
    InvalidSetting { pointer, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (String, String) {
        let InvalidSetting { pointer, reason } = parse(json).unwrap_err();
        (pointer, reason)
    }

    #[test]
    fn settings_of_every_kind_are_read() {
        let settings = parse(
            r#"{"cohort": [{"name": "test phone", "subjects": ["+79686484488"], "stage": "live"},
                           {"name": "five", "percent": 5, "stage": "shadow"},
                           {"name": "half", "percent": 0.5, "stage": "dualwrite"}],
                "default": {"stage": "off"},
                "repositories": {"services": {"stage": "rampdown"}}}"#,
        )
        .unwrap();
        assert_eq!(settings.cohorts.listed["+79686484488"], Stage::Live);
        assert_eq!(
            settings.cohorts.slices,
            [(5_000_000, Stage::Shadow), (5_500_000, Stage::DualWrite)]
        );
        assert_eq!(settings.default, Stage::Off);
        assert_eq!(settings.repositories["services"], Stage::RampDown);
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
    fn a_missing_value_is_refused_at_its_table() {
        assert_eq!(refused("{}"), (String::new(), "missing field `default`".into()));
        let (pointer, reason) = refused(r#"{"cohort": [{"name": "x", "percent": 1}], "default": {"stage": "off"}}"#);
        assert_eq!(
            (pointer.as_str(), reason.as_str()),
            ("/cohort/0", "missing field `stage`")
        );
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
