//! The stages of the cohorts of a run, and the routing settings with these stages.

use rand::RngExt;
use rand::seq::IndexedRandom;
use turnout_vocabulary::Backend;

use super::dice::Dice;

/// The subjects of the cohort that lists its subjects.
pub(crate) const LISTED: [&str; 2] = ["89686484488", "89990000001"];

/// The percentage of all other subjects that the second cohort has.
const SHARE: u8 = 40;

/// The stage of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `old` only.
    Off,
    /// Authority `old`, mirrored.
    DualWrite,
    /// As dualwrite, reads compared.
    Shadow,
    /// Authority `new`, mirrored back, reads compared.
    Live,
    /// Authority `new`, mirrored back.
    RampDown,
    /// `new` only.
    Complete,
}

impl Stage {
    /// The stages between which a cohort may move in both directions.
    const MIRRORED: [Self; 4] = [Self::DualWrite, Self::Shadow, Self::Live, Self::RampDown];

    /// The authority in this stage.
    pub(crate) fn authority(self) -> Backend {
        match self {
            Self::Off | Self::DualWrite | Self::Shadow => Backend::Old,
            Self::Live | Self::RampDown | Self::Complete => Backend::New,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DualWrite => "dualwrite",
            Self::Shadow => "shadow",
            Self::Live => "live",
            Self::RampDown => "rampdown",
            Self::Complete => "complete",
        }
    }
}

/// The stages of all cohorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The stage of the listed subjects.
    pub listed: Stage,
    /// The stage of the share of the other subjects.
    pub share: Stage,
    /// The stage of everybody else.
    pub rest: Stage,
}

impl Stages {
    /// Every subject is on one side only, and both sides are in use: the stages of a run without a mirror.
    pub const APART: Self = Self {
        listed: Stage::Complete,
        share: Stage::Complete,
        rest: Stage::Off,
    };

    /// The stages in which a run begins that moves its cohorts.
    pub const TOGETHER: Self = Self {
        listed: Stage::DualWrite,
        share: Stage::DualWrite,
        rest: Stage::DualWrite,
    };

    /// The side that has all authority, if one side has it.
    pub(crate) fn authority(self) -> Option<Backend> {
        let authority = self.listed.authority();
        let others = [self.share.authority(), self.rest.authority()];
        (others == [authority; 2]).then_some(authority)
    }

    /// Draws stages that may follow any stages, and may be followed by any.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut draw = || *Stage::MIRRORED.choose(dice).unwrap_or(&Stage::DualWrite);
        let (listed, share, rest) = (draw(), draw(), draw());
        if dice.random_ratio(1, 3) {
            // Now and then one side has no authority at all.
            return Self {
                listed,
                share: listed,
                rest: listed,
            };
        }
        Self { listed, share, rest }
    }

    /// The settings of the routing policy. Another `revision` makes other bytes with the same meaning.
    pub(crate) fn settings(self, revision: u32) -> String {
        let Self { listed, share, rest } = self;
        let mut settings = format!(
            "# Revision {revision}.\n\
             [[cohort]]\nname = 'listed'\nsubjects = {LISTED:?}\nstage = '{}'\n\
             [[cohort]]\nname = 'share'\npercent = {SHARE}\nstage = '{}'\n\
             [default]\nstage = '{}'\n",
            listed.word(),
            share.word(),
            rest.word(),
        );
        // The rows of these repositories belong to no subject, and other repositories refer to them.
        for repository in ["companies", "services", "staff", "staff_schedules"] {
            settings.extend(["[repositories.", repository, "]\nstage = 'dualwrite'\n"]);
        }
        settings
    }
}
