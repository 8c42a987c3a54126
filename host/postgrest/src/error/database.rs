//! Passes PostgreSQL's errors on, with the statuses of PostgREST's table.

use http::StatusCode;

use super::{Details, Refusal, raised};

/// Refusals that come from PostgreSQL.
impl Refusal {
    /// An error that PostgreSQL reported. Its SQLSTATE becomes the code and decides the status.
    #[must_use]
    pub fn from_database(sqlstate: &str, message: &str, details: Option<String>, hint: Option<String>) -> Self {
        if sqlstate == "PGRST" {
            return raised::refusal(message, details.as_deref());
        }
        let mut refusal = Self::new(status(sqlstate, message), sqlstate.to_owned(), message);
        refusal.body.details = details.map(Details::Text);
        refusal.body.hint = hint;
        refusal
    }
}

fn status(sqlstate: &str, message: &str) -> StatusCode {
    match sqlstate {
        // The application raised the error on purpose, with the HTTP status in the code.
        code if code.starts_with("PT") => code[2..]
            .parse()
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(INTERNAL),
        "23503" | "23505" => StatusCode::CONFLICT,
        "25006" => StatusCode::METHOD_NOT_ALLOWED,
        "21000" if message.ends_with("requires a WHERE clause") => StatusCode::BAD_REQUEST,
        "22023" if message.starts_with("role") && message.ends_with("does not exist") => StatusCode::UNAUTHORIZED,
        "42883" | "42P01" => StatusCode::NOT_FOUND,
        "42501" => StatusCode::FORBIDDEN,
        "57P01" => StatusCode::SERVICE_UNAVAILABLE,
        // PostgREST answers 500 for the whole class. A statement that ran out of time is a timeout, so it gets 504 here.
        "57014" if message.ends_with("statement timeout") => StatusCode::GATEWAY_TIMEOUT,
        "P0001" => StatusCode::BAD_REQUEST,
        "21000" | "42P17" | "53400" => INTERNAL,
        _ => match sqlstate.get(..2).unwrap_or_default() {
            "08" | "53" => StatusCode::SERVICE_UNAVAILABLE,
            "0L" | "0P" | "28" => StatusCode::FORBIDDEN,
            "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX" => INTERNAL,
            // PostgREST answers 500 for class 54 too. Here it is the request that exceeds a limit, such as 1,664 columns in `select`.
            _ => StatusCode::BAD_REQUEST,
        },
    }
}

const INTERNAL: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

#[cfg(test)]
mod tests {
    use super::super::tests::body;
    use super::*;

    #[test]
    fn the_sqlstate_decides_the_status() {
        for (sqlstate, message, expected) in [
            ("08006", "", 503),
            ("09000", "", 500),
            ("0L000", "", 403),
            ("0P000", "", 403),
            ("21000", "DELETE requires a WHERE clause", 400),
            ("21000", "more than one row returned by a subquery", 500),
            ("22023", "role \"x\" does not exist", 401),
            ("22023", "", 400),
            ("22P02", "", 400),
            ("23502", "", 400),
            ("23503", "", 409),
            ("23505", "", 409),
            ("25006", "", 405),
            ("25P02", "", 500),
            ("28000", "", 403),
            ("40001", "", 500),
            ("42501", "", 403),
            ("42703", "", 400),
            ("42883", "", 404),
            ("42P01", "", 404),
            ("42P10", "", 400),
            ("42P17", "", 500),
            ("53300", "", 503),
            ("53400", "", 500),
            ("54001", "", 400),
            ("54011", "", 400),
            ("55P03", "", 500),
            ("57014", "canceling statement due to statement timeout", 504),
            ("57014", "canceling statement due to user request", 500),
            ("57P01", "", 503),
            ("P0001", "", 400),
            ("P0002", "", 500),
            ("PT402", "", 402),
            ("PTabc", "", 500),
            ("PT007", "", 500),
            ("XX000", "", 500),
            ("", "", 400),
            ("é", "", 400),
        ] {
            assert_eq!(status(sqlstate, message).as_u16(), expected, "{sqlstate} {message}");
        }
    }

    #[test]
    fn the_error_is_passed_on() {
        let message = "duplicate key value violates unique constraint \"clients_pkey\"";
        let refusal = Refusal::from_database("23505", message, Some("Key (id)=(1) already exists.".into()), None);
        assert_eq!(refusal.status(), 409);
        assert_eq!(
            body(refusal),
            r#"{"code":"23505","details":"Key (id)=(1) already exists.","hint":null,"message":"duplicate key value violates unique constraint \"clients_pkey\""}"#
        );
    }
}
