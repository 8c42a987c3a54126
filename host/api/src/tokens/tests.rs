use http::Request;

use super::*;

const SECRET: &str = "a secret of at least thirty-two characters";

/// `{"alg":"HS256","typ":"JWT"}.<claims>`, signed with the secret.
fn signed(claims: &Value) -> String {
    sign(r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

fn sign(header: &str, claims: &Value) -> String {
    let message = format!(
        "{}.{}",
        base64url(header.as_bytes()),
        base64url(claims.to_string().as_bytes())
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = ring::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", base64url(signature.as_ref()))
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

fn tokens(anon_role: Option<&str>) -> Tokens {
    let role_claim = vec!["role".to_owned()];
    Tokens::new(Some("app".into()), role_claim, anon_role.map(Into::into), None)
        .with_secret(SECRET)
        .unwrap()
}

fn head() -> Parts {
    let request = Request::get("/rest/v1/clients?id=eq.1").header("x-one", "1").body(());
    request.unwrap().into_parts().0
}

fn refused(token: &str) -> String {
    let refusal = tokens(None).caller(Some(token.as_bytes()), &head()).unwrap_err();
    let response = refusal.into_response();
    assert_eq!(response.status(), 401);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    format!(
        "{} {}",
        body["code"].as_str().unwrap(),
        body["message"].as_str().unwrap()
    )
}

#[test]
fn token_gives_its_role_and_says_what_functions_may_ask() {
    let claims = serde_json::json!({ "role": "member", "sub": "7", "aud": ["app"], "exp": 9_999_999_999_u64 });
    let caller = tokens(None).caller(Some(signed(&claims).as_bytes()), &head()).unwrap();
    assert_eq!((caller.role.as_str(), caller.is_anonymous), ("member", false));
    let settings: Value = serde_json::from_str(&caller.settings).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(settings[name].as_str().unwrap()).unwrap();
    assert_eq!(json("request.jwt.claims"), claims);
    assert_eq!(json("request.headers"), serde_json::json!({ "x-one": "1" }));
    assert_eq!(
        (&settings["request.method"], &settings["request.path"]),
        (&"GET".into(), &"/clients".into())
    );
}

#[test]
fn without_token_the_role_is_that_of_nobody_in_particular() {
    let caller = tokens(Some("anon")).caller(None, &head()).unwrap();
    assert_eq!((caller.role.as_str(), caller.is_anonymous), ("anon", true));
    assert!(
        caller.settings.contains(r#"{\"role\":\"anon\"}"#),
        "{}",
        caller.settings
    );
    assert_eq!(tokens(None).caller(None, &head()).unwrap_err().code(), "PGRST302");
    let caller = tokens(Some("anon")).caller(Some(signed(&serde_json::json!({})).as_bytes()), &head());
    assert_eq!(caller.unwrap().role, "anon");
}

#[test]
fn tokens_that_are_not_valid_are_refused_as_postgrest_refuses_them() {
    let good = signed(&serde_json::json!({ "role": "member" }));
    let (message, _) = good.rsplit_once('.').unwrap();
    for (token, expected) in [
        (String::new(), "PGRST301 Empty JWT is sent in Authorization header"),
        ("a.b".into(), "PGRST301 Expected 3 parts in JWT; got 2"),
        ("a.b.c".into(), "PGRST301 Wrong or unsupported encoding algorithm"),
        (
            format!("{message}.{}", base64url(&[0; 32])),
            "PGRST301 JWT cryptographic operation failed",
        ),
        (
            sign(r#"{"alg":"RS256"}"#, &serde_json::json!({})),
            "PGRST301 No suitable key or wrong key type",
        ),
        (
            sign(r#"{"alg":"none"}"#, &serde_json::json!({})),
            "PGRST301 Wrong or unsupported encoding algorithm",
        ),
        (signed(&serde_json::json!([1])), "PGRST303 Parsing claims failed"),
        (signed(&serde_json::json!({ "exp": 1 })), "PGRST303 JWT expired"),
        (
            signed(&serde_json::json!({ "exp": "1" })),
            "PGRST303 The JWT 'exp' claim must be a number",
        ),
        (
            signed(&serde_json::json!({ "nbf": 9_999_999_999_u64 })),
            "PGRST303 JWT not yet valid",
        ),
        (
            signed(&serde_json::json!({ "iat": 9_999_999_999_u64 })),
            "PGRST303 JWT issued at future",
        ),
        (
            signed(&serde_json::json!({ "aud": "other" })),
            "PGRST303 JWT not in audience",
        ),
    ] {
        assert_eq!(refused(&token), expected);
    }
}

#[test]
fn public_key_is_no_secret() {
    // A point of P-256: whoever knows it must not sign with it as a secret.
    let set = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1",
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
    let tokens = Tokens::new(None, vec!["role".into()], None, None)
        .with_key_set(set)
        .unwrap();
    let token = signed(&serde_json::json!({ "role": "postgres" }));
    assert_eq!(
        tokens.caller(Some(token.as_bytes()), &head()).unwrap_err().code(),
        "PGRST301"
    );
    assert!(matches!(
        tokens.clone().with_key_set("{\"keys\":[]}"),
        Err(KeyError::NoKey)
    ));
    assert!(matches!(tokens.with_secret("short"), Err(KeyError::ShortSecret)));
}
