use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use turnout_policy::divergence::{DivergedRow, Form, RepairAction, Source};

/// What becomes of a divergence. To mirror a row again changes the copy alone, so it is done without asking where the copy lacks a change.
/// It would destroy what only the copy has, so a person decides about that.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Repair {
    /// What becomes of a row whose copy has other values.
    differs: Action,
    /// What becomes of a row whose copy is missing.
    missing: Action,
    /// What becomes of a copy whose row is missing. To mirror it removes the copy.
    surplus: Action,
    /// What becomes of a copy that was changed behind Turnout's back, whatever differs. To mirror it takes that change back.
    direct: Action,
    /// How often a row is mirrored again. If it still differs then, a person is called.
    attempts: NonZeroU32,
}

/// What is done about a divergence.
#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Nothing is done.
    Leave,
    /// The row is mirrored again: the copy becomes what the authority has.
    Mirror,
    /// A person is called.
    Call,
}

impl Default for Repair {
    fn default() -> Self {
        Self {
            differs: Action::Mirror,
            missing: Action::Mirror,
            surplus: Action::Call,
            direct: Action::Call,
            attempts: NonZeroU32::MIN.saturating_add(2),
        }
    }
}

impl Repair {
    pub(crate) fn decide(self, row: &DivergedRow) -> RepairAction {
        let action = match (row.source, row.form) {
            (Source::Direct, _) => self.direct,
            (_, Form::Differs) => self.differs,
            (_, Form::Missing) => self.missing,
            (_, Form::Surplus) => self.surplus,
        };
        match action {
            Action::Leave => RepairAction::Leave,
            Action::Mirror if row.attempts < self.attempts.get() => RepairAction::Mirror,
            Action::Mirror | Action::Call => RepairAction::Call,
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::{Backend, testing};

    use super::*;
    use crate::Comparing;

    fn decide(toml: &str, source: Source, form: Form, attempts: u32) -> RepairAction {
        let policy: Comparing = testing::configure(toml, &["clients"]).unwrap();
        policy.repair.decide(&DivergedRow {
            repository: 0,
            authority: Backend::Old,
            source,
            form,
            columns: Vec::new(),
            age: 0,
            attempts,
        })
    }

    #[test]
    fn copy_is_mended_and_nothing_that_it_alone_has_is_removed() {
        for (source, form, action) in [
            (Source::Read, Form::Differs, RepairAction::Mirror),
            (Source::Walk, Form::Missing, RepairAction::Mirror),
            (Source::Mirrored, Form::Surplus, RepairAction::Call),
            (Source::Direct, Form::Differs, RepairAction::Call),
            (Source::Direct, Form::Missing, RepairAction::Call),
        ] {
            assert_eq!(decide("", source, form, 0), action, "{source:?} {form:?}");
        }
    }

    #[test]
    fn person_is_called_after_some_attempts() {
        for (toml, attempts, action) in [
            ("", 2, RepairAction::Mirror),
            ("", 3, RepairAction::Call),
            ("repair.attempts = 1", 1, RepairAction::Call),
            ("repair.differs = 'leave'", u32::MAX, RepairAction::Leave),
        ] {
            assert_eq!(decide(toml, Source::Read, Form::Differs, attempts), action, "{toml}");
        }
    }
}
