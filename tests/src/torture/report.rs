use std::fmt;
use std::time::Duration;

use super::history::{Entry, Outcome};
use super::schedule::Event;
use super::spec::Step;

/// The report of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed of all choices.
    pub seed: u64,
    /// How long bots worked and faults happened.
    pub duration: Duration,
    /// The events of the run, in order.
    pub schedule: Vec<Event>,
    /// What each change of the policies came to, in order.
    pub shipped: Vec<String>,
    /// What each deed of the administrators came to, in order.
    pub deeds: Vec<String>,
    /// How often a row was handed to another subject.
    pub handed_over: usize,
    /// How many operations the bots carried out.
    pub operations: Operations,
    /// What is wrong; empty if nothing is.
    pub wrong: Vec<String>,
    /// The logs of each place's hosts.
    pub logs: Vec<String>,
}

/// How many operations on rows there were, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Reads that were answered.
    pub reads: usize,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes that were refused.
    pub refused: usize,
    /// Writes in doubt: nobody knows whether they were done.
    pub in_doubt: usize,
}

impl Operations {
    pub(crate) fn count<'e>(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let mut all = Self::default();
        for entry in entries {
            match (entry.step, entry.outcome) {
                (Step::Read, Outcome::Done(..)) => all.reads += 1,
                (Step::Read, _) => {}
                (_, Outcome::Done(..)) => all.acknowledged += 1,
                (_, Outcome::Refused) => all.refused += 1,
                (_, Outcome::InDoubt) => all.in_doubt += 1,
            }
        }
        all
    }
}

/// Writes one line if nothing is wrong; else what is wrong, and the command that runs the same again.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            operations,
            handed_over,
            ..
        } = self;
        let Operations {
            reads,
            acknowledged,
            refused,
            in_doubt,
        } = operations;
        write!(
            f,
            "seed {seed}: {} shocks; {acknowledged} writes acknowledged, {refused} refused, {in_doubt} in doubt; {reads} reads; \
             {handed_over} rows handed over",
            self.schedule.len()
        )?;
        if self.wrong.is_empty() {
            return Ok(());
        }
        let minutes = self.duration.as_secs_f64() / 60.0;
        writeln!(
            f,
            "\nWRONG; to run the same again: `cargo xtask torture --seed {seed} --minutes {minutes}`:"
        )?;
        for wrong in &self.wrong {
            writeln!(f, "- {wrong}")?;
        }
        writeln!(f, "What happened:")?;
        for event in &self.schedule {
            writeln!(f, "{event}")?;
        }
        writeln!(f, "What came of each change of the policies:")?;
        for shipped in &self.shipped {
            writeln!(f, "{shipped}")?;
        }
        writeln!(f, "What came of each deed of the administrators:")?;
        for deed in &self.deeds {
            writeln!(f, "{deed}")?;
        }
        Ok(())
    }
}
