use std::fmt;

use minisign_verify::{PublicKey, Signature};

use crate::{File, Refused};

/// The keys whose signatures make a module acceptable; without any, every module is.
#[derive(Clone, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedKeys({})", self.0.len())
    }
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a minisign public key: it is the second line of a .pub file, beginning with RW")]
pub struct NotAKey;

impl TrustedKeys {
    /// Keys as minisign writes them.
    ///
    /// # Errors
    /// [`NotAKey`] if one is none.
    pub fn parse<'t>(keys: impl IntoIterator<Item = &'t str>) -> Result<Self, NotAKey> {
        let keys = keys
            .into_iter()
            .map(|key| PublicKey::from_base64(key).map_err(|_| NotAKey));
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// Refuses a module that none of them has signed.
    pub(crate) fn check(&self, module: &File) -> Result<(), Refused> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(signature) = &module.signature else {
            return Err(module.refused(
                &"it is not signed, and `policies.trusted_keys` asks for that: put its .minisig file beside it (minisign -Sm FILE)",
            ));
        };
        let Ok(signature) = Signature::decode(signature) else {
            return Err(
                module.refused(&"its .minisig file is no minisign signature; sign it again (minisign -Sm FILE)")
            );
        };
        let signed = |key: &PublicKey| key.verify(&module.content, &signature, false).is_ok();
        if self.0.iter().any(signed) {
            return Ok(());
        }
        Err(module.refused(
            &"its signature is of none of the keys in `policies.trusted_keys`, or of another module; sign it with one of them",
        ))
    }
}
