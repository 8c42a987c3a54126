//! A replay without a host: a module, its settings and a file that a host has recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use turnout_pipeline::{Decided, RecordedOperation, Replay};
use turnout_vocabulary::{Action, Subject};

use super::counted;
use crate::command::policy::file;
use crate::command::policy::fitting::{FittingModule, FittingPolicy, Settings};
use crate::command::policy::kit::Recorded;
use crate::command::policy::surroundings::Surroundings;

/// How many subjects are made up to stand for the subjects that only a hash is known of. A part of the subjects as small as a
/// hundredth has ten of them.
const MADE_UP: u32 = 1000;

/// What became of the subjects that a recording names by a hash.
pub(super) struct ByHash {
    recorded: BTreeSet<String>,
    recognised: BTreeSet<String>,
    has_key: bool,
    /// How many operations may be decided as they were or not, by what decides that.
    unknown: BTreeMap<String, usize>,
}

/// Decides recorded operations again.
pub(super) fn replay(
    config: &Path,
    file: &Path,
    settings: Option<&Path>,
    recording: &Path,
) -> Result<(Replay, ByHash)> {
    let module = FittingModule::load(file, &file::bytes(file)?)?;
    let recorded = read(recording)?;
    let surroundings = match Surroundings::of(config)? {
        Some(surroundings) => surroundings,
        None => Surroundings::with_repositories(repositories(&recorded)),
    };
    let (name, text) = match settings {
        Some(path) => (path, file::text(path)?),
        None => (Path::new("without settings"), String::new()),
    };
    let settings = Settings::new(name, &text, &module)?;
    let policy = module.configure(&settings, &surroundings)?;
    let mut subjects = Subjects::new(module.listed(&settings, &surroundings)?, &surroundings);

    let served = surroundings.repositories();
    let mut by_repository = HashMap::new();
    for repository in &served {
        by_repository.insert(repository.name.as_str(), repository.id);
    }
    let mut made_up_decide = HashMap::new();
    let mut decided = Vec::with_capacity(recorded.len());
    for (recorded, line) in recorded.into_iter().zip(1..) {
        let place = || format!("{}:{line}", recording.display());
        let action = Action::ALL
            .into_iter()
            .find(|action| action.as_str() == recorded.action);
        let repository = by_repository.get(recorded.repository.as_str()).with_context(|| {
            format!(
                "{}: {} serves no repository `{}`",
                place(),
                config.display(),
                recorded.repository
            )
        })?;
        let question = Recorded {
            action: action.with_context(|| format!("{}: there is no action `{}`", place(), recorded.action))?,
            repository: *repository,
            authority: recorded.decided.authority(),
        };
        let then = match subjects.of(&recorded, &surroundings).with_context(place)? {
            Whose::Known(subject) => policy.decide_again(question, subject.as_ref()),
            Whose::Hashed => {
                let answers = made_up_decide
                    .entry(question)
                    .or_insert_with(|| decide_for_all(&policy, question, &subjects.made_up));
                let (then, unknown) = answers.beside(&recorded.decided);
                // What is decided otherwise for certain is no matter of may be.
                if let Some(unknown) = unknown.filter(|_| recorded.decided.changes(&then).is_empty()) {
                    *subjects.by_hash.unknown.entry(unknown).or_default() += 1;
                }
                then
            }
        };
        decided.push((recorded, then));
    }
    Ok((Replay::compare(decided), subjects.by_hash))
}

fn decide_for_all(policy: &FittingPolicy, recorded: Recorded, subjects: &[Subject]) -> Answers {
    let mut said: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    let mut decided = Decided::default();
    for subject in subjects {
        decided = policy.decide_again(recorded, Some(subject));
        for (function, answer) in decided.answers() {
            *said.entry(function.to_owned()).or_default().entry(answer).or_default() += 1;
        }
    }
    said.retain(|_, answers| answers.len() > 1);
    Answers {
        of_one: decided,
        differing: said,
    }
}

/// What many subjects are answered.
struct Answers {
    /// What one of them is.
    of_one: Decided,
    /// The functions that don't answer all of them the same, each with how many get which answer.
    differing: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Answers {
    /// What is decided then of a subject that may be any of these: the share of each answer where they differ. A function
    /// that may well answer as it does now is left out, and the first such is given with its shares.
    fn beside(&self, now: &Decided) -> (Decided, Option<String>) {
        let mut then = self.of_one.clone();
        let mut unknown = None;
        for (function, answer) in now.answers() {
            let Some(answers) = self.differing.get(function) else {
                continue;
            };
            let shares = shares(answers);
            let changed = !answers.contains_key(&answer);
            if !changed {
                unknown.get_or_insert_with(|| format!("{function}: {shares}"));
            }
            let shares = changed.then_some(shares);
            if function == "stage" {
                then.stage = shares;
            } else {
                then.decision.remove(function);
                then.decision
                    .extend(shares.map(|shares| (function.to_owned(), Value::String(shares))));
            }
        }
        (then, unknown)
    }
}

fn shares(answers: &BTreeMap<String, u32>) -> String {
    let all = f64::from(answers.values().sum::<u32>());
    let share = |(answer, count): (&String, &u32)| format!("{answer} for {:.1} %", f64::from(*count) * 100.0 / all);
    answers.iter().map(share).collect::<Vec<_>>().join(", ")
}

/// Whose rows a recorded operation touches.
enum Whose {
    /// Somebody's or nobody's.
    Known(Option<Subject>),
    /// Those of somebody whom the settings do not list.
    Hashed,
}

struct Subjects {
    /// Those that the settings list, by their hashes; empty without the key.
    listed: HashMap<String, Subject>,
    made_up: Vec<Subject>,
    by_hash: ByHash,
}

impl Subjects {
    fn new(listed: HashSet<Subject>, surroundings: &Surroundings) -> Self {
        let made_up = (0..MADE_UP).map(|number| surroundings.rule().made_up(number));
        let made_up = made_up.filter(|subject| !listed.contains(subject)).collect();
        let key = surroundings.recording_key();
        let by_hash = ByHash {
            recorded: BTreeSet::new(),
            recognised: BTreeSet::new(),
            has_key: key.is_some(),
            unknown: BTreeMap::new(),
        };
        let named = |key: turnout_vocabulary::RecordingKey| {
            let named = listed.into_iter().map(|subject| (key.name(&subject), subject));
            named.collect()
        };
        Self {
            listed: key.map(named).unwrap_or_default(),
            made_up,
            by_hash,
        }
    }

    fn of(&mut self, recorded: &RecordedOperation, surroundings: &Surroundings) -> Result<Whose> {
        if let Some(clear) = recorded.clear_subject() {
            let subject = surroundings.rule().normalise(clear).context("the subject")?;
            return Ok(Whose::Known(Some(subject)));
        }
        let Some(name) = &recorded.subject else {
            return Ok(Whose::Known(None));
        };
        self.by_hash.recorded.insert(name.clone());
        Ok(match self.listed.get(name) {
            Some(subject) => {
                self.by_hash.recognised.insert(name.clone());
                Whose::Known(Some(subject.clone()))
            }
            None => Whose::Hashed,
        })
    }
}

impl ByHash {
    /// Says what a hash leaves unknown.
    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let (all, recognised) = (self.recorded.len(), self.recognised.len());
        if all == 0 {
            return Ok(());
        }
        writeln!(
            out,
            "{} recorded by a hash: {recognised} recognised as listed in the settings, {} asked as {MADE_UP} made-up ones; \
             percentages show where the answer depends on the subject",
            counted(all, "subject"),
            all - recognised
        )?;
        for (shares, operations) in &self.unknown {
            writeln!(
                out,
                "{} of subjects known only by a hash may or may not be decided otherwise ({shares})",
                counted(*operations, "operation")
            )?;
        }
        if self.has_key {
            return Ok(());
        }
        writeln!(
            out,
            "subjects that the settings list could not be recognised: that takes the administrator's key of the host that \
             recorded them, in the configuration file or as TURNOUT_ADMIN_KEY"
        )
    }
}

fn read(recording: &Path) -> Result<Vec<RecordedOperation>> {
    let text = file::text(recording)?;
    let lines = text.lines().zip(1..);
    let operation = |(line, number): (&str, usize)| {
        serde_json::from_str(line).map_err(|error| {
            let file = recording.display();
            anyhow!("{file}:{number}: this is no operation that `turnout policy recording` writes: {error}")
        })
    };
    lines.map(operation).collect()
}

/// The repositories of a recording, and whether an operation there names a subject.
fn repositories(recorded: &[RecordedOperation]) -> BTreeMap<String, bool> {
    let mut repositories = BTreeMap::new();
    for recorded in recorded {
        *repositories.entry(recorded.repository.clone()).or_default() |= recorded.subject.is_some();
    }
    repositories
}
