use serde::{Deserialize, Serialize};
use turnout_backends::Gap;
use turnout_handoff::{ParkedFor, Seen};
use turnout_pipeline::Pipeline;
use turnout_vocabulary::{Backend, Repository};

/// The state of the mirror of one side's changes to the other side, as this host last saw it.
#[derive(Debug, Serialize, Deserialize)]
pub struct MirrorStatus {
    /// Whether this host holds the lease and mirrors them.
    pub at_work: bool,
    /// How old these numbers are, in seconds. More than a few seconds if the side is down or its entries take long to count.
    pub seen_seconds: u64,
    /// The repositories.
    pub repositories: Vec<RepositoryStatus>,
    /// How many keys are parked, by reason.
    pub parked: Vec<ParkedStatus>,
    /// The repositories of which changes on this side may not all have been captured. Both sides of these must be compared.
    pub gaps: Vec<GapStatus>,
}

/// The parked keys of one repository that have the same reason. No key and no value is in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParkedStatus {
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

/// Why both sides of a repository must be compared.
#[derive(Debug, Serialize, Deserialize)]
pub struct GapStatus {
    /// The repository.
    pub repository: String,
    /// The reason in words, and what a person must do about it if the host cannot do it.
    pub reason: String,
}

/// The state of the mirror of one repository's changes on one side.
#[derive(Debug, Serialize, Deserialize)]
pub struct RepositoryStatus {
    /// The repository.
    pub repository: String,
    /// How many pending entries wait to be mirrored, held ones included.
    pub dirty: u64,
    /// How old the oldest pending entry is, in seconds; `None` if there is none.
    pub oldest_seconds: Option<f64>,
    /// How many keys are held: they could not be mirrored and are tried again later.
    pub held: u64,
    /// How many keys are parked: they could not be mirrored and wait for a person.
    pub parked: u64,
    /// How many keys have rows that are known to differ and are not mirrored.
    pub diverged: u64,
    /// Why the mirror cannot read the repository's rows on this side, if it cannot. The entries wait meanwhile.
    pub stopped: Option<String>,
    /// How many rows this host has made equal on the other side.
    pub applied: u64,
    /// How many rows a second this host has made equal on the other side, over the last few seconds.
    pub applied_per_second: f64,
}

impl MirrorStatus {
    pub(super) fn of(pipeline: &Pipeline, source: Backend) -> Option<Self> {
        let seen = pipeline.handoffs.seen(source)?;
        let repositories = pipeline.repositories.iter();
        Some(Self {
            at_work: pipeline.mirror.is_at_work(source),
            seen_seconds: seen.at.elapsed().as_secs(),
            repositories: repositories
                .filter_map(|repository| RepositoryStatus::of(pipeline, source, &seen, repository))
                .collect(),
            parked: seen.parked.iter().map(ParkedStatus::from).collect(),
            gaps: seen.gaps.iter().map(GapStatus::from).collect(),
        })
    }
}

impl From<&ParkedFor> for ParkedStatus {
    fn from(parked: &ParkedFor) -> Self {
        Self {
            repository: parked.repository.clone(),
            sqlstate: parked.sqlstate.clone(),
            reason: parked.reason.clone(),
            keys: parked.keys,
            attempts: parked.attempts,
        }
    }
}

impl From<&Gap> for GapStatus {
    fn from(gap: &Gap) -> Self {
        Self {
            repository: gap.repository.clone(),
            reason: gap.to_string(),
        }
    }
}

impl RepositoryStatus {
    fn of(pipeline: &Pipeline, source: Backend, seen: &Seen, repository: &Repository) -> Option<Self> {
        let standing = seen.of(repository)?;
        let progress = pipeline.mirror.throughput(source, repository.id);
        let oldest = standing.oldest.map(|oldest| oldest + seen.at.elapsed());
        Some(Self {
            repository: repository.name.clone(),
            dirty: standing.dirty,
            oldest_seconds: oldest.map(|oldest| oldest.as_secs_f64()),
            held: standing.held,
            parked: standing.parked,
            diverged: standing.diverged,
            stopped: pipeline.mirror.stopped(source, repository.id),
            applied: progress.applied,
            applied_per_second: progress.rate,
        })
    }
}
