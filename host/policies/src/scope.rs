use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use turnout_vocabulary::Subject;

/// For whom a version on trial decides. Everybody else stays with the stable one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// These subjects, as the host normalises them.
    Subjects(BTreeSet<String>),
    /// This part of all subjects, from 0 to 100. A subject stays in it while it only grows.
    Percent(f64),
    /// Nobody: it is asked beside the stable one, and where they differ is counted.
    Shadow,
}

impl Scope {
    /// Whether it decides for a subject.
    pub(crate) fn covers(&self, subject: &Subject) -> bool {
        match self {
            Self::Subjects(subjects) => subjects.contains(subject.as_str()),
            Self::Percent(percent) => share(subject) < percent / 100.0,
            Self::Shadow => false,
        }
    }
}

/// Where a subject stands among all, from 0 to 1: the same on every host, at any time.
fn share(subject: &Subject) -> f64 {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(subject.as_str()).into();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// Names nobody.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subjects(subjects) if subjects.len() == 1 => f.write_str("1 subject"),
            Self::Subjects(subjects) => write!(f, "{} subjects", subjects.len()),
            Self::Percent(percent) => write!(f, "{percent} % of the subjects"),
            Self::Shadow => f.write_str("nobody, in the shadow of the stable one"),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::SubjectRule;

    use super::*;

    #[test]
    fn a_percentage_covers_that_part_of_the_subjects_and_only_grows() {
        let rule = SubjectRule::for_region("RU").unwrap();
        let subjects: Vec<_> = (0..2000)
            .map(|n| rule.normalise(&format!("8968648{n:04}")).unwrap())
            .collect();
        let covered = |percent| -> Vec<_> {
            let scope = Scope::Percent(percent);
            subjects.iter().filter(|subject| scope.covers(subject)).collect()
        };
        assert_eq!((covered(0.0).len(), covered(100.0).len()), (0, 2000));
        let (five, ten) = (covered(5.0), covered(10.0));
        assert!((60..140).contains(&five.len()), "{}", five.len());
        assert!(five.iter().all(|subject| ten.contains(subject)));
    }

    #[test]
    fn a_scope_names_nobody() {
        let scope = Scope::Subjects(BTreeSet::from(["+79686484488".to_owned()]));
        assert_eq!(format!("{scope:?} {scope}"), "1 subject 1 subject");
    }
}
