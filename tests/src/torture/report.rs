use std::fmt;
use std::time::Duration;

use super::history::{Entry, Outcome};
use super::schedule::Event;
use super::spec::Step;

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed that all choices came from.
    pub seed: u64,
    /// For how long things happened.
    pub duration: Duration,
    /// What happened, in order.
    pub schedule: Vec<Event>,
    /// What came of what was shipped meanwhile, in order.
    pub shipped: Vec<String>,
    /// What came of what administrators did, in order.
    pub deeds: Vec<String>,
    /// How often a row was handed to another subject.
    pub handed_over: usize,
    /// How many operations on rows the bots did.
    pub operations: Operations,
    /// What is wrong; empty if all is well.
    pub wrong: Vec<String>,
    /// What each place's hosts have logged.
    pub logs: Vec<String>,
}

/// Operations on rows, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Reads that were answered.
    pub reads: usize,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes that were refused.
    pub refused: usize,
    /// Writes of which nobody knows whether they were done.
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

/// One line if all is well; else what is wrong and how to see it again.
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
            "\nWRONG, again with `cargo xtask torture --seed {seed} --minutes {minutes}`:"
        )?;
        for wrong in &self.wrong {
            writeln!(f, "- {wrong}")?;
        }
        writeln!(f, "What happened:")?;
        for event in &self.schedule {
            writeln!(f, "{event}")?;
        }
        writeln!(f, "What came of what was shipped:")?;
        for shipped in &self.shipped {
            writeln!(f, "{shipped}")?;
        }
        writeln!(f, "What came of what administrators did:")?;
        for deed in &self.deeds {
            writeln!(f, "{deed}")?;
        }
        Ok(())
    }
}
