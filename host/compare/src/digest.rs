use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use turnout_backends::{PartDigest, RowHash};

/// The digest of a set of rows: how many they are, and the exclusive or of their SHA-256 hashes. It depends neither on the order of the
/// rows nor on the ranges that it was put together from. It shows faults, not forgeries: who chooses rows freely can find two sets with one
/// digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many rows.
    pub rows: u64,
    sum: RowHash,
}

impl Digest {
    /// Adds a row.
    pub fn add_row(&mut self, hash: &RowHash) {
        self.add(&Self { rows: 1, sum: *hash });
    }

    /// Adds all rows of another set.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        for (byte, other) in self.sum.iter_mut().zip(other.sum) {
            *byte ^= other;
        }
    }

    /// The SHA-256 of the number of rows, as 8 bytes in network order, and of the exclusive or, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let hash = Sha256::new()
            .chain_update(self.rows.to_be_bytes())
            .chain_update(self.sum);
        hex::encode(hash.finalize())
    }
}

impl From<PartDigest> for Digest {
    fn from(part: PartDigest) -> Self {
        Self {
            rows: part.rows,
            sum: part.hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_rows_and_not_on_ranges() {
        let rows: Vec<RowHash> = (0..4_u8).map(|row| Sha256::digest([row]).into()).collect();
        let of = |rows: &[RowHash]| {
            let mut digest = Digest::default();
            for row in rows {
                digest.add_row(row);
            }
            digest
        };
        let mut halves = of(&rows[2..]);
        halves.add(&of(&rows[..2]));
        assert_eq!(halves, of(&rows));
        assert_ne!(of(&rows[..3]).sha256(), of(&rows).sha256());
        assert_eq!(
            Digest::default().sha256(),
            hex::encode(Sha256::digest([0; 40])),
            "the digest of no rows is documented"
        );
    }
}
