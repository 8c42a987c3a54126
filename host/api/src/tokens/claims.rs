use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use turnout_postgrest::Refusal;

/// How far the clocks of issuer and host may be apart, in seconds; PostgREST's own.
const SKEW: f64 = 30.0;

/// What a token says.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// The claim at a path.
    pub(super) fn at(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(first)?, |claim, name| claim.get(name))
    }

    /// The same with the role that the request gets.
    pub(super) fn with_role(mut self, role: &str) -> Map<String, Value> {
        self.0.entry("role").or_insert_with(|| role.into());
        self.0
    }

    /// Refuses a token that is not valid at this time, or is meant for somebody else. The words are PostgREST's.
    pub(super) fn check(&self, now: Duration, audience: Option<&str>) -> Result<(), Refusal> {
        let now = now.as_secs_f64();
        if self.time("exp")?.is_some_and(|end| now - SKEW > end) {
            return Err(Refusal::invalid_claims("JWT expired"));
        }
        if self.time("nbf")?.is_some_and(|begin| now + SKEW < begin) {
            return Err(Refusal::invalid_claims("JWT not yet valid"));
        }
        if self.time("iat")?.is_some_and(|issued| now + SKEW < issued) {
            return Err(Refusal::invalid_claims("JWT issued at future"));
        }
        let is_meant = |named: &Value| match audience {
            Some(audience) => named == audience,
            None => true,
        };
        match self.0.get("aud") {
            None | Some(Value::Null) => Ok(()),
            Some(named @ Value::String(_)) if is_meant(named) => Ok(()),
            Some(Value::Array(all)) if all.is_empty() || all.iter().any(is_meant) => Ok(()),
            Some(Value::String(_) | Value::Array(_)) => Err(Refusal::invalid_claims("JWT not in audience")),
            Some(_) => Err(Refusal::invalid_claims(
                "The JWT 'aud' claim must be a string or an array of strings",
            )),
        }
    }

    fn time(&self, claim: &str) -> Result<Option<f64>, Refusal> {
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(seconds)) => Ok(seconds.as_f64()),
            Some(_) => Err(Refusal::invalid_claims(&format!(
                "The JWT '{claim}' claim must be a number"
            ))),
        }
    }
}
