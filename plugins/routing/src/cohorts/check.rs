use std::collections::HashMap;

use turnout_policy::{SettingsError, Shares};

use super::Cohorts;
use crate::settings::Cohort;
use crate::stage::Stage;

impl Cohorts {
    /// Checks what the shape of the settings cannot say, and prepares the cohorts for look-ups.
    pub(crate) fn new(written: Vec<Cohort>) -> Result<Self, SettingsError> {
        let mut names: Vec<String> = Vec::with_capacity(written.len());
        let mut listed: HashMap<String, (usize, Stage)> = HashMap::new();
        let mut shares = Shares::default();
        for (index, cohort) in written.into_iter().enumerate() {
            let at = |rest: &str| format!("/cohort/{index}{rest}");
            if names.contains(&cohort.name) {
                return Err(SettingsError::at(
                    at("/name"),
                    format!("another cohort is called `{}` already", cohort.name),
                ));
            }
            names.push(cohort.name);
            match (cohort.subjects, cohort.percent) {
                (Some(subjects), None) => {
                    for (place, subject) in subjects.into_iter().enumerate() {
                        if let Some((other, _)) = listed
                            .insert(subject, (index, cohort.stage))
                            .filter(|(other, _)| *other != index)
                        {
                            let (first, second) = (&names[other], &names[index]);
                            let reason =
                                format!("this subject is in `{first}` and in `{second}`; leave it in one of them");
                            return Err(SettingsError::at(at(&format!("/subjects/{place}")), reason));
                        }
                    }
                }
                (None, Some(percent)) => {
                    let added = shares.add(percent, cohort.stage);
                    added.map_err(|error| error.within("percent").within(&index.to_string()).within("cohort"))?;
                }
                (Some(_), Some(_)) => {
                    return Err(SettingsError::at(
                        at("/percent"),
                        "a cohort has `subjects` or `percent`, not both",
                    ));
                }
                (None, None) => return Err(SettingsError::at(at(""), "a cohort needs `subjects` or `percent`")),
            }
        }
        let listed = listed
            .into_iter()
            .map(|(subject, (_, stage))| (subject, stage))
            .collect();
        Ok(Self { listed, shares })
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::testing;

    use super::*;
    use crate::Stages;

    fn listed(name: &str, subjects: &[&str]) -> Cohort {
        let subjects = Some(subjects.iter().copied().collect());
        Cohort {
            name: name.into(),
            subjects,
            percent: None,
            stage: Stage::Live,
        }
    }

    fn share(name: &str, percent: f64) -> Cohort {
        Cohort {
            name: name.into(),
            subjects: None,
            percent: Some(percent),
            stage: Stage::Live,
        }
    }

    fn refused(written: Vec<Cohort>) -> (String, String) {
        let error = Cohorts::new(written).unwrap_err();
        (error.pointer().unwrap().into(), error.reason().into())
    }

    #[test]
    fn a_percentage_that_is_none_or_too_much_is_refused_at_its_place() {
        assert_eq!(refused(vec![share("a", 100.1)]).0, "/cohort/0/percent");
        assert_eq!(
            refused(vec![share("a", 60.0), share("b", 0.0), share("c", 40.000_001)]).0,
            "/cohort/2/percent"
        );
    }

    #[test]
    fn a_subject_in_two_cohorts_is_refused_with_both_their_names() {
        let (pointer, reason) = refused(vec![listed("one", &["+71", "+72"]), listed("two", &["+73", "+72"])]);
        assert_eq!(pointer, "/cohort/1/subjects/1");
        assert!(
            reason.contains("`one`") && reason.contains("`two`") && !reason.contains("+72"),
            "{reason}"
        );
    }

    #[test]
    fn a_cohort_has_either_subjects_or_a_percentage() {
        assert_eq!(
            refused(vec![Cohort {
                percent: Some(1.0),
                ..listed("a", &[])
            }])
            .0,
            "/cohort/0/percent"
        );
        assert_eq!(
            refused(vec![Cohort {
                percent: None,
                ..share("a", 1.0)
            }])
            .0,
            "/cohort/0"
        );
    }

    #[test]
    fn two_cohorts_of_one_name_are_refused() {
        assert_eq!(refused(vec![share("a", 1.0), listed("a", &[])]).0, "/cohort/1/name");
    }

    #[test]
    fn cohorts_of_every_kind_are_read() {
        let toml = r#"
            default.stage = "off"

            [[cohort]]
            name = "test phone"
            subjects = ["+79686484488"]
            stage = "live"

            [[cohort]]
            name = "five"
            percent = 5
            stage = "shadow"

            [[cohort]]
            name = "half"
            percent = 0.5
            stage = "dualwrite"
        "#;
        let Cohorts { listed, shares } = testing::configure::<Stages>(toml, &["clients"]).unwrap().cohorts;
        assert_eq!(listed["+79686484488"], Stage::Live);
        assert!(shares.values().eq(&[Stage::Shadow, Stage::DualWrite]));
    }
}
