mod check;

use std::collections::HashMap;

use turnout_policy::Shares;

use crate::stage::Stage;

/// Which subjects stand at which stage.
#[derive(Debug, Default)]
pub(crate) struct Cohorts {
    /// The subjects that are listed.
    listed: HashMap<String, Stage>,
    /// The subjects of each percentage.
    shares: Shares<Stage>,
}

impl Cohorts {
    /// The stage of a subject; `None` if no cohort has it.
    pub(crate) fn stage(&self, subject: &str) -> Option<Stage> {
        self.listed.get(subject).or_else(|| self.shares.of(subject)).copied()
    }

    /// The stages that some subject stands at.
    pub(crate) fn stages(&self) -> impl Iterator<Item = Stage> {
        self.listed.values().chain(self.shares.values()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_wins_over_a_percentage_and_percentages_follow_each_other() {
        let mut cohorts = Cohorts::default();
        cohorts.shares.add(40.0, Stage::Live).unwrap();
        cohorts.shares.add(60.0, Stage::Shadow).unwrap();
        // The places of these two phones are fixed: at 12 % and at 88 %.
        for (phone, expected) in [("+79990000000", Stage::Live), ("+79686484488", Stage::Shadow)] {
            assert_eq!(cohorts.stage(phone), Some(expected));
            cohorts.listed.insert(phone.into(), Stage::Off);
            assert_eq!(cohorts.stage(phone), Some(Stage::Off));
        }
    }
}
