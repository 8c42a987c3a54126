use schemars::JsonSchema;
use serde::Deserialize;
use turnout_policy::routing::{Backend, ReadPlan};

/// Where a cohort stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
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

/// The share of reads that is compared, of 10,000.
const EVERY_READ: u16 = 10_000;

impl Stage {
    pub(crate) fn authority(self) -> Backend {
        match self {
            Self::Off | Self::DualWrite | Self::Shadow => Backend::Old,
            Self::Live | Self::RampDown | Self::Complete => Backend::New,
        }
    }

    pub(crate) fn mirrored(self) -> bool {
        !matches!(self, Self::Off | Self::Complete)
    }

    pub(crate) fn read_plan(self) -> ReadPlan {
        let primary = self.authority();
        let mirror = match primary {
            Backend::Old => Backend::New,
            Backend::New => Backend::Old,
        };
        let compared = matches!(self, Self::Shadow | Self::Live);
        ReadPlan {
            primary,
            fallback: self.mirrored().then_some(mirror),
            compare: if compared { EVERY_READ } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_authority_its_fallback_and_its_comparison() {
        let (old, new) = (Backend::Old, Backend::New);
        let table = [
            (Stage::Off, old, None, 0),
            (Stage::DualWrite, old, Some(new), 0),
            (Stage::Shadow, old, Some(new), 10_000),
            (Stage::Live, new, Some(old), 10_000),
            (Stage::RampDown, new, Some(old), 0),
            (Stage::Complete, new, None, 0),
        ];
        for (stage, authority, fallback, compare) in table {
            let plan = stage.read_plan();
            assert_eq!(stage.authority(), authority, "{stage:?}");
            assert_eq!(stage.mirrored(), fallback.is_some(), "{stage:?}");
            assert_eq!(
                (plan.primary, plan.fallback, plan.compare),
                (authority, fallback, compare),
                "{stage:?}"
            );
        }
    }
}
