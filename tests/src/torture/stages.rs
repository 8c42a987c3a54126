//! Where the cohorts of a run stand, and the settings of the routing policy that say so.

use rand::RngExt;
use rand::seq::IndexedRandom;
use turnout_vocabulary::Backend;

use super::dice::Dice;

/// The subjects of the cohort that is a list.
pub(crate) const LISTED: [&str; 2] = ["89686484488", "89990000001"];

/// How many of all other subjects are in the cohort that is a share, in percent.
const SHARE: u8 = 40;

/// Where a cohort stands.
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
    /// Those between which a cohort may move back and forth.
    const MIRRORED: [Self; 4] = [Self::DualWrite, Self::Shadow, Self::Live, Self::RampDown];

    /// The backend that is written.
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

/// The stage of every cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// Of the phones that are listed.
    pub listed: Stage,
    /// Of a share of the others.
    pub share: Stage,
    /// Of everybody else.
    pub rest: Stage,
}

impl Stages {
    /// Every subject on one side only, and both sides in use: where a run stands that may not rely on a mirror.
    pub const APART: Self = Self {
        listed: Stage::Complete,
        share: Stage::Complete,
        rest: Stage::Off,
    };

    /// Where a run begins that moves its cohorts.
    pub const TOGETHER: Self = Self {
        listed: Stage::DualWrite,
        share: Stage::DualWrite,
        rest: Stage::DualWrite,
    };

    /// The side that all authority is on, if it is on one.
    pub(crate) fn authority(self) -> Option<Backend> {
        let authority = self.listed.authority();
        let others = [self.share.authority(), self.rest.authority()];
        (others == [authority; 2]).then_some(authority)
    }

    /// Stages from which and to which one may move at any time.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut draw = || *Stage::MIRRORED.choose(dice).unwrap_or(&Stage::DualWrite);
        let (listed, share, rest) = (draw(), draw(), draw());
        if dice.random_ratio(1, 3) {
            // Now and then one side has nothing to lose.
            return Self {
                listed,
                share: listed,
                rest: listed,
            };
        }
        Self { listed, share, rest }
    }

    /// The settings of the routing policy. Another `revision` makes other settings that say the same.
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
        // Their rows belong to no subject, and others refer to them.
        for repository in ["companies", "services", "staff", "staff_schedules"] {
            settings.extend(["[repositories.", repository, "]\nstage = 'dualwrite'\n"]);
        }
        settings
    }
}
