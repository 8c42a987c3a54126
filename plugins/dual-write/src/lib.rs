//! The dual-write policy: how writes are mirrored, retried and reported.
//!
//! `settings` reads what the user wrote and refuses mistakes, `rules` brings it together for every repository, `retry` says what
//! becomes of rows that could not be mirrored, `alerts` says who hears of a write. What is here only answers the host.

mod alerts;
pub mod bindings;
mod retry;
mod rules;
mod settings;

use std::sync::OnceLock;

use bindings::{
    Alert, Backend, Description, Failure, Guest, InvalidSetting, MirrorPlan, Operation, Outcome, RetryDecision,
    Settings, SettingsError,
};
use rules::Rules;
use turnout_settings::Mistake;

/// What this instance was configured with.
static RULES: OnceLock<Rules> = OnceLock::new();

/// The policy, as the world `dual-write` asks for it.
pub struct DualWrite;

fn rules() -> &'static Rules {
    RULES
        .get()
        .expect("the host configures a policy before it asks for decisions")
}

impl Guest for DualWrite {
    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn configure(settings: Settings) -> Result<(), SettingsError> {
        let rules = turnout_settings::read(&settings.json)
            .and_then(|written| Rules::new(&written, &settings.repositories))
            .map_err(|Mistake { pointer, reason }| SettingsError::Invalid(InvalidSetting { pointer, reason }))?;
        RULES
            .set(rules)
            .map_err(|_| SettingsError::Other("this instance has its settings already".into()))
    }

    fn mirror(operation: Operation, _: Backend) -> MirrorPlan {
        rules().of(operation.target.repository).plan()
    }

    fn retry(failure: Failure) -> RetryDecision {
        rules().retry.decide(&failure)
    }

    fn settle(outcome: Outcome) -> Vec<Alert> {
        alerts::of(&outcome, rules().of(outcome.repository))
    }
}
