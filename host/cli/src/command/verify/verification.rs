use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use turnout_backends::{Database, Error, FoundDivergence};
use turnout_compare::{
    Columns, Difference, Digest, Equality, Load, Observer, Options, Progress, Sample, Tables, Tally,
};
use turnout_vocabulary::{Backend, Epoch, PerBackend, Repository};

use super::proof::{Proof, Verdict};
use super::{COMMAND, epoch};
use crate::arguments::Verify;

/// How long a key that changes all the time is looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often what was done is kept, so that it can be resumed.
const KEEP: Duration = Duration::from_secs(1);

/// A verification, as far as it is done.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Verification {
    /// The repositories that are compared, and the share of their rows.
    repositories: Vec<String>,
    sample: Option<String>,
    proofs: Vec<Proof>,
    current: Current,
}

/// The repository that is being compared.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Current {
    tally: Tally,
    began: Option<String>,
    snapshots: PerBackend<String>,
    seconds: f64,
}

impl Verification {
    /// The verification of these repositories that was interrupted, or a new one.
    pub(super) async fn resumed(new: &Database, chosen: &[Repository], arguments: &Verify) -> Result<Self> {
        let asked = Self {
            repositories: chosen.iter().map(|repository| repository.name.clone()).collect(),
            sample: arguments.sample.map(|sample| format!("{sample:?}")),
            ..Self::default()
        };
        // What a version before this kept can't be read, and is of no use.
        let kept: Option<Self> = new.resumed(COMMAND).await.unwrap_or_default();
        Ok(kept
            .filter(|kept| kept.repositories == asked.repositories && kept.sample == asked.sample)
            .inspect(Self::tell_of_resumption)
            .unwrap_or(asked))
    }

    fn tell_of_resumption(&self) {
        let (done, all) = (self.proofs.len(), self.repositories.len());
        // If standard error is closed, nobody reads.
        let _ = writeln!(
            std::io::stderr(),
            "an interrupted verification goes on: {done} of {all} repositories were compared before"
        );
    }

    pub(super) fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// Compares the repositories that are left.
    pub(super) async fn run(
        &mut self,
        sides: &PerBackend<Database>,
        chosen: &[Repository],
        arguments: &Verify,
        equality: &dyn Equality,
    ) -> Result<()> {
        let options = Options {
            sample: arguments.sample.unwrap_or(Sample::ALL),
            load: arguments.max_load.unwrap_or(Load::FULL),
            patience: PATIENCE,
        };
        let under = epoch(sides).await?.unwrap_or(Epoch::new(0));
        for repository in chosen.iter().skip(self.proofs.len()) {
            let proof = self.compare(sides, repository, options, under, equality).await?;
            self.proofs.push(proof);
            self.current = Current::default();
            sides
                .new
                .keep_unfinished(COMMAND, Some(&serde_json::to_string(self)?))
                .await?;
        }
        Ok(())
    }

    async fn compare(
        &mut self,
        sides: &PerBackend<Database>,
        repository: &Repository,
        options: Options,
        epoch: Epoch,
        equality: &dyn Equality,
    ) -> Result<Proof> {
        for (backend, database) in sides.iter() {
            if database.refresh_schema().await?.table(repository).is_none() {
                return Ok(Proof::not_compared(
                    repository,
                    format!("backend {backend} has no such table"),
                ));
            }
        }
        let columns = Columns::configured(sides, repository).await?;
        let now = || humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        if self.current.began.is_none() {
            self.current.began = Some(now());
            self.current.snapshots = snapshots(sides).await?;
        }
        let began = Instant::now();
        let progress = Progress::default();
        let mut tally = self.current.tally.clone();
        let tables = Tables {
            sides,
            repository,
            columns: &columns,
        };
        let mut watch = Watch {
            sides,
            repository,
            epoch,
            kept: Instant::now(),
            bar: bar(&repository.name),
            progress: &progress,
            verification: self,
            began,
        };
        let compared = turnout_compare::verify(tables, options, equality, &progress, &mut tally, &mut watch);
        compared.await?;
        watch.bar.finish_and_clear();
        let last = snapshots(sides).await?;
        let current = std::mem::take(&mut self.current);
        let verdict = if tally.diverged + tally.not_mirrored > 0 || !columns.missing.is_empty() {
            Verdict::Different
        } else if tally.unsettled > 0 {
            Verdict::Unknown
        } else {
            Verdict::Equal
        };
        Ok(Proof {
            repository: repository.name.clone(),
            verdict,
            reason: None,
            sample_percent: (!options.sample.is_all()).then(|| options.sample.in_percent()),
            rows: tally.digests.as_ref().map(|digest| digest.rows),
            sha256: tally.digests.as_ref().map(Digest::sha256),
            different: tally.diverged,
            tolerated: tally.tolerated,
            unsettled: tally.unsettled,
            not_mirrored: tally.not_mirrored,
            missing_columns: columns.missing,
            began: current.began.unwrap_or_default(),
            ended: now(),
            seconds: current.seconds + began.elapsed().as_secs_f64(),
            snapshots: PerBackend::from_fn(|backend| [current.snapshots[backend].clone(), last[backend].clone()]),
        })
    }
}

/// Keeps what a comparison finds, and shows its progress.
struct Watch<'a> {
    sides: &'a PerBackend<Database>,
    repository: &'a Repository,
    epoch: Epoch,
    progress: &'a Progress,
    bar: ProgressBar,
    kept: Instant,
    began: Instant,
    verification: &'a mut Verification,
}

impl Observer for Watch<'_> {
    async fn found(&mut self, differences: &[Difference]) -> Result<(), Error> {
        let found: Vec<FoundDivergence> = differences.iter().map(Difference::as_found).collect();
        self.sides
            .old
            .note_divergences(self.repository, self.epoch, "walk", &found)
            .await?;
        Ok(())
    }

    async fn went_on(&mut self, tally: &Tally) -> Result<(), Error> {
        let sides = Backend::ALL.map(|backend| self.progress.on(backend));
        self.bar.set_length(sides.iter().map(|side| side.of_about).sum());
        self.bar.set_position(sides.iter().map(|side| side.rows).sum());
        if self.kept.elapsed() < KEEP {
            return Ok(());
        }
        self.kept = Instant::now();
        let seconds = self.verification.current.seconds;
        self.verification.current.seconds += self.began.elapsed().as_secs_f64();
        self.verification.current.tally = tally.clone();
        let state = serde_json::to_string(&*self.verification).unwrap_or_default();
        self.verification.current.seconds = seconds;
        self.sides.new.keep_unfinished(COMMAND, Some(&state)).await
    }
}

async fn snapshots(sides: &PerBackend<Database>) -> Result<PerBackend<String>> {
    let (old, new) = tokio::try_join!(sides.old.snapshot(), sides.new.snapshot())?;
    Ok(PerBackend { old, new })
}

/// A bar for people, which is not drawn where standard error is no terminal.
fn bar(repository: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(repository.to_owned());
    let style =
        ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of about {human_len} rows, {per_sec}, {eta} left");
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

impl Proof {
    fn not_compared(repository: &Repository, reason: String) -> Self {
        Self {
            repository: repository.name.clone(),
            verdict: Verdict::Different,
            reason: Some(reason),
            sample_percent: None,
            rows: PerBackend::default(),
            sha256: PerBackend::default(),
            different: 0,
            tolerated: 0,
            unsettled: 0,
            not_mirrored: 0,
            missing_columns: Vec::new(),
            began: String::new(),
            ended: String::new(),
            seconds: 0.0,
            snapshots: PerBackend::default(),
        }
    }
}
