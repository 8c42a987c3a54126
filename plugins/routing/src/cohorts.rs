mod check;

use std::collections::HashMap;

use twox_hash::XxHash64;

use crate::stage::Stage;

/// The parts that all subjects are divided into: how finely percentages are kept.
const PARTS: u64 = 100_000_000;

/// Which subjects stand at which stage.
#[derive(Debug, Default)]
pub(crate) struct Cohorts {
    /// The subjects that are listed.
    listed: HashMap<String, Stage>,
    /// For each percentage, the first part that no longer belongs to it, ascending.
    slices: Vec<(u64, Stage)>,
}

impl Cohorts {
    /// The stage of a subject; `None` if no cohort has it.
    pub(crate) fn stage(&self, subject: &str) -> Option<Stage> {
        self.listed.get(subject).copied().or_else(|| {
            let part = part(subject);
            self.slices.iter().find(|(end, _)| part < *end).map(|(_, stage)| *stage)
        })
    }

    /// The stages that some subject stands at.
    pub(crate) fn stages(&self) -> impl Iterator<Item = Stage> {
        self.listed
            .values()
            .copied()
            .chain(self.slices.iter().map(|(_, stage)| *stage))
    }
}

/// The part that a subject falls into. This must never change: subjects would change sides with it.
fn part(subject: &str) -> u64 {
    ((XxHash64::oneshot(0, subject.as_bytes()) >> 32) * PARTS) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones() -> impl Iterator<Item = String> {
        (0..10_000).map(|number| format!("+7968{number:07}"))
    }

    fn percent(percent: u64) -> Cohorts {
        Cohorts {
            slices: vec![(PARTS / 100 * percent, Stage::Live)],
            ..Cohorts::default()
        }
    }

    #[test]
    fn a_percentage_takes_about_that_share_of_the_subjects() {
        for (share, expected) in [(0, 0..=0), (5, 400..=600), (50, 4_800..=5_200), (100, 10_000..=10_000)] {
            let cohorts = percent(share);
            let inside = phones().filter(|phone| cohorts.stage(phone).is_some()).count();
            assert!(expected.contains(&inside), "{share} %: {inside}");
        }
    }

    #[test]
    fn a_subject_stays_while_the_figure_grows() {
        for phone in phones() {
            let mut inside = false;
            for share in 0..=100 {
                let now = percent(share).stage(&phone).is_some();
                assert!(now || !inside, "{phone} left at {share} %");
                inside = now;
            }
        }
    }

    #[test]
    fn where_a_subject_falls_never_changes() {
        assert_eq!(
            [part("+79686484488"), part("+79990000000"), part("")],
            [88_543_326, 12_342_435, 93_467_493]
        );
    }

    #[test]
    fn a_list_wins_over_a_percentage_and_percentages_follow_each_other() {
        let mut cohorts = percent(40);
        cohorts.slices.push((PARTS, Stage::Shadow));
        for phone in phones().take(100) {
            let expected = if part(&phone) < PARTS / 100 * 40 {
                Stage::Live
            } else {
                Stage::Shadow
            };
            assert_eq!(cohorts.stage(&phone), Some(expected));
            cohorts.listed.insert(phone.clone(), Stage::Off);
            assert_eq!(cohorts.stage(&phone), Some(Stage::Off));
        }
    }
}
