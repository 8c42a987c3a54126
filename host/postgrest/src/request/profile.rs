use http::{HeaderMap, Method};

use crate::error::Refusal;

/// The header in which a request with this method names the schema.
pub(super) fn header(method: &Method) -> &'static str {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        "accept-profile"
    } else {
        "content-profile"
    }
}

/// The schema that the caller names, which must be one of the exposed ones; `None` if the caller names none.
///
/// # Errors
/// `PGRST106` for a schema that is not exposed.
pub fn profile<'s>(method: &Method, headers: &HeaderMap, exposed: &'s [String]) -> Result<Option<&'s str>, Refusal> {
    let Some(named) = headers.get(header(method)) else {
        return Ok(None);
    };
    match exposed.iter().find(|schema| schema.as_bytes() == named.as_bytes()) {
        Some(schema) => Ok(Some(schema)),
        None => Err(Refusal::unacceptable_schema(
            &String::from_utf8_lossy(named.as_bytes()),
            &exposed.join(", "),
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_method_says_which_profile_counts() {
        let exposed = ["public", "attic"].map(str::to_owned);
        let named = |method: Method, header: &'static str, schema: &'static str| {
            let headers = [(header.parse().unwrap(), HeaderValue::from_static(schema))];
            profile(&method, &headers.into_iter().collect(), &exposed)
        };
        assert_eq!(named(Method::GET, "accept-profile", "attic").unwrap(), Some("attic"));
        assert_eq!(named(Method::GET, "content-profile", "secret").unwrap(), None);
        assert_eq!(
            named(Method::POST, "content-profile", "public").unwrap(),
            Some("public")
        );
        assert_eq!(named(Method::POST, "accept-profile", "secret").unwrap(), None);
    }

    #[test]
    fn a_schema_that_is_not_exposed_is_refused() {
        let exposed = ["public", "attic"].map(str::to_owned);
        let headers = HeaderMap::from_iter([("accept-profile".parse().unwrap(), HeaderValue::from_static("secret"))]);
        let response = profile(&Method::GET, &headers, &exposed).unwrap_err().into_response();
        assert_eq!(response.status(), 406);
        assert_eq!(
            response.into_body(),
            r#"{"code":"PGRST106","details":null,"hint":"Only the following schemas are exposed: public, attic","message":"Invalid schema: secret"}"#
        );
    }
}
