use sha2::{Digest as _, Sha256};

use crate::Subject;

/// Makes the names of subjects in recordings: without the key a name says nothing, and with it a subject that settings list is
/// found again in a recording.
#[derive(Clone)]
pub struct RecordingKey([u8; 32]);

impl RecordingKey {
    /// The key that belongs to a secret: the administrator's key, which a recording is fetched with.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(["turnout recording ", secret].concat()).into())
    }

    /// The name of a subject: 16 hexadecimal digits.
    #[must_use]
    pub fn name(&self, subject: &Subject) -> String {
        // A key of fixed length before the subject and a part of the hash: nothing can be appended to it.
        let hash = Sha256::new().chain_update(self.0).chain_update(subject.as_str());
        hex::encode(&hash.finalize()[..8])
    }
}
