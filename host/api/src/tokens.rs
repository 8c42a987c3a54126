//! Whom a request's token speaks for: the signature, the claims and the role, as PostgREST has them.

mod claims;
mod request;
mod signature;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde_json::Value;
use turnout_postgrest::Refusal;
use turnout_vocabulary::Caller;

use claims::Claims;

/// How tokens are checked, and which role they give. `Debug` hides the keys.
#[derive(Clone)]
pub struct Tokens {
    keys: Vec<Key>,
    /// Where tokens must be meant for somebody, for whom.
    audience: Option<String>,
    /// The path of the claim that names the role.
    role_claim: Vec<String>,
    /// The role of requests without a token, and of tokens without a role.
    anon_role: Option<String>,
    /// The function that is called before each request.
    pre_request: Option<Arc<str>>,
}

/// A key that tokens are signed with.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    key: DecodingKey,
}

/// The key of a site's tokens is unusable.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no JSON Web Key Set.
    #[error("this is no JSON Web Key Set: write {{\"keys\": [{{\"kty\": …}}]}}")]
    NoKeySet,
    /// The set has no key that a token can be checked with.
    #[error("the JSON Web Key Set has no key of a kind that is known: oct, RSA, EC (P-256, P-384) or OKP (Ed25519)")]
    NoKey,
    /// The secret is too short to be safe.
    #[error(
        "the secret has fewer than 32 characters; take that of your Supabase project, or a random one, such as of `openssl rand -hex 32`"
    )]
    ShortSecret,
}

impl Tokens {
    /// Tokens that are signed with nothing yet: none is valid.
    #[must_use]
    pub fn new(
        audience: Option<String>,
        role_claim: Vec<String>,
        anon_role: Option<String>,
        pre_request: Option<String>,
    ) -> Self {
        signature::install();
        Self {
            keys: Vec::new(),
            audience,
            role_claim,
            anon_role,
            pre_request: pre_request.map(Into::into),
        }
    }

    /// Also takes tokens that are signed with a shared secret.
    ///
    /// # Errors
    /// If the secret is too short.
    pub fn with_secret(mut self, secret: &str) -> Result<Self, KeyError> {
        if secret.len() < 32 {
            return Err(KeyError::ShortSecret);
        }
        let key = DecodingKey::from_secret(secret.as_bytes()).map_err(|_| KeyError::ShortSecret)?;
        self.keys.push(Key { id: None, key });
        Ok(self)
    }

    /// Also takes tokens that are signed with one of the keys of a JSON Web Key Set.
    ///
    /// # Errors
    /// If the text is none, or has no key of a kind that is known.
    pub fn with_key_set(mut self, json: &str) -> Result<Self, KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeyError::NoKeySet)?;
        let known = set.keys.iter().filter_map(|jwk| {
            Some(Key {
                id: jwk.common.key_id.clone(),
                key: DecodingKey::from_jwk(jwk).ok()?,
            })
        });
        let before = self.keys.len();
        self.keys.extend(known);
        if self.keys.len() == before {
            return Err(KeyError::NoKey);
        }
        Ok(self)
    }

    /// On whose behalf a request with this token runs; without a token, on nobody's in particular.
    pub(crate) fn caller(&self, token: Option<&[u8]>, head: &Parts) -> Result<Caller, Refusal> {
        let claims = match token {
            Some(token) => self.claims(token)?,
            None => Claims::default(),
        };
        let named = claims.at(&self.role_claim).and_then(Value::as_str);
        let role = named
            .or(self.anon_role.as_deref())
            .ok_or_else(Refusal::no_key)?
            .to_owned();
        Ok(Caller {
            is_anonymous: token.is_none(),
            settings: request::settings(head, &claims.with_role(&role)),
            role,
            pre_request: self.pre_request.clone(),
        })
    }

    /// The claims of a token whose signature and times are right. The words of refusals are PostgREST's.
    fn claims(&self, token: &[u8]) -> Result<Claims, Refusal> {
        if token.is_empty() {
            return Err(Refusal::invalid_token("Empty JWT is sent in Authorization header"));
        }
        let parts = token.split(|byte| *byte == b'.').count();
        if parts != 3 {
            return Err(Refusal::invalid_token(&format!("Expected 3 parts in JWT; got {parts}")));
        }
        let header =
            decode_header(token).map_err(|_| Refusal::invalid_token("Wrong or unsupported encoding algorithm"))?;
        let fits = |key: &&Key| {
            let is_named = header.kid.is_none() || key.id.is_none() || key.id == header.kid;
            is_named && key.key.family().algorithms().contains(&header.alg)
        };
        let mut refused = Refusal::invalid_token("No suitable key or wrong key type");
        for key in self.keys.iter().filter(fits) {
            match decode::<Claims>(token, &key.key, &signature_alone(header.alg)) {
                Ok(TokenData { claims, .. }) => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                    claims.check(now.unwrap_or_default(), self.audience.as_deref())?;
                    return Ok(claims);
                }
                Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
                    return Err(Refusal::invalid_claims("Parsing claims failed"));
                }
                Err(_) => refused = Refusal::invalid_token("JWT cryptographic operation failed"),
            }
        }
        Err(refused)
    }
}

/// Has the library look at nothing but the signature: [`Claims::check`] looks at the claims, as PostgREST does.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (
        validation.validate_exp,
        validation.validate_nbf,
        validation.validate_aud,
    ) = (false, false, false);
    validation
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("anon_role", &self.anon_role)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
