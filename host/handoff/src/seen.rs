use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use turnout_backends::{Database, Error, Gap, MirrorStanding, ParkedKey};
use turnout_vocabulary::{Backend, PerBackend, Repository};

/// How the mirroring of each side stood when it was last seen.
pub(crate) struct LastSeen {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) seen: PerBackend<ArcSwapOption<Seen>>,
}

impl LastSeen {
    /// Looks at a side.
    pub(crate) async fn look_at(&self, backend: Backend) -> Result<Arc<Seen>, Error> {
        let seen = Arc::new(Seen::now(&self.backends[backend]).await?);
        self.seen[backend].store(Some(Arc::clone(&seen)));
        Ok(seen)
    }

    /// How the mirroring of one side's changes stood when it was last seen.
    pub(crate) fn of(&self, backend: Backend) -> Option<Arc<Seen>> {
        self.seen[backend].load_full()
    }
}

/// How the mirroring of one side's changes stood when it was last seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// The tables.
    pub standing: Vec<MirrorStanding>,
    /// Why keys are parked; of the first thousand.
    pub parked: Vec<ParkedFor>,
    /// The repositories of which changes may not all have been captured.
    pub gaps: Vec<Gap>,
}

/// Parked keys of one repository that have the same reason. No key and no value is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedFor {
    /// The repository.
    pub repository: String,
    /// Why they could not be applied, as PostgreSQL counts errors.
    pub sqlstate: String,
    /// The constraint that they violate, or what else is to blame.
    pub reason: String,
    /// How many they are.
    pub keys: u64,
    /// The most attempts that one of them had.
    pub attempts: u32,
}

impl Seen {
    /// Whether changes of a repository may not all have been captured.
    pub(crate) fn has_gap(&self, repository: &str) -> bool {
        self.gaps.iter().any(|gap| gap.repository == repository)
    }

    /// Looks at a side.
    async fn now(database: &Database) -> Result<Self, Error> {
        let standing = database.mirror_standing().await?;
        let is_parked = standing.iter().any(|table| table.parked > 0);
        let parked = if is_parked {
            database.parked().await?
        } else {
            Vec::new()
        };
        Ok(Self {
            at: Instant::now(),
            standing,
            parked: by_reason(parked),
            gaps: database.gaps().await?,
        })
    }

    /// How one repository stood.
    #[must_use]
    pub fn of(&self, repository: &Repository) -> Option<&MirrorStanding> {
        self.standing
            .iter()
            .find(|table| table.schema == repository.schema && table.table == repository.table)
    }
}

/// Those with the same reason together.
fn by_reason(keys: Vec<ParkedKey>) -> Vec<ParkedFor> {
    let mut together = BTreeMap::new();
    for key in keys {
        let (keys, attempts) = together
            .entry((key.table, key.sqlstate, key.reason))
            .or_insert((0, key.attempts));
        *keys += 1;
        *attempts = key.attempts.max(*attempts);
    }
    together
        .into_iter()
        .map(|((repository, sqlstate, reason), (keys, attempts))| ParkedFor {
            repository,
            sqlstate,
            reason,
            keys,
            attempts,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_keys_are_told_by_reason_without_their_keys() {
        let parked = |key: &str, attempts, reason: &str| ParkedKey {
            schema: "public".into(),
            table: "clients".into(),
            key: key.into(),
            attempts,
            sqlstate: "23505".into(),
            reason: reason.into(),
        };
        let told = by_reason(vec![
            parked(r#"{"id":1}"#, 3, "phone"),
            parked(r#"{"id":2}"#, 12, "phone"),
            parked(r#"{"id":3}"#, 1, "email"),
        ]);
        let told: Vec<_> = told
            .iter()
            .map(|reason| (reason.reason.as_str(), reason.keys, reason.attempts))
            .collect();
        assert_eq!(told, [("email", 1, 1), ("phone", 2, 12)]);
    }
}
