//! Errors that a function raises with the SQLSTATE `PGRST`: the answer is in their texts.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use super::Refusal;

/// The message of the error.
#[derive(Deserialize)]
struct Raised {
    code: String,
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

/// Its details.
#[derive(Deserialize)]
struct Details {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// The answer that such an error asks for.
pub(super) fn refusal(message: &str, details: Option<&str>) -> Refusal {
    let read = || {
        let raised: Raised = serde_json::from_str(message).ok()?;
        let details: Details = serde_json::from_str(details?).ok()?;
        let status = StatusCode::from_u16(details.status).ok()?;
        let mut refusal = Refusal::new(status, raised.code, raised.message);
        refusal.body.details = raised.details.map(super::Details::Text);
        refusal.body.hint = raised.hint;
        for (name, value) in details.headers {
            let header: Option<HeaderName> = name.parse().ok();
            refusal = refusal.header(header?, HeaderValue::from_str(&value).ok()?);
        }
        Some(refusal)
    };
    read().unwrap_or_else(|| {
        let message = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST121", message)
            .details("Invalid JSON value for MESSAGE or DETAIL")
            .hint("MESSAGE and DETAIL must be JSON objects with the keys \"code\", \"message\" and \"status\", \"headers\"")
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::body;
    use super::*;

    #[test]
    fn the_answer_is_in_the_texts_of_the_error() {
        let raised = refusal(
            r#"{"code":"123","message":"Payment Required","details":"Quota exceeded","hint":"Upgrade"}"#,
            Some(r#"{"status":402,"headers":{"X-Powered-By":"Nerd Rage"}}"#),
        );
        assert_eq!(raised.status(), 402);
        assert_eq!(raised.headers[0].1, "Nerd Rage");
        assert_eq!(
            body(raised),
            r#"{"code":"123","details":"Quota exceeded","hint":"Upgrade","message":"Payment Required"}"#
        );
        assert_eq!(refusal("INVALID", None).code(), "PGRST121");
    }
}
