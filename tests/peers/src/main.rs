//! What a decision costs in Turnout and in its peers, all asked the same in turns.
//!
//! `decisions` says what is asked; each of the others asks it in its own way.
#![allow(clippy::print_stdout, reason = "a benchmark is run for what it prints")]

mod decisions;
mod extism;
mod native;
mod regorus;
mod turnout;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use turnout_vocabulary::{Subject, SubjectRule};

use decisions::{Decisions, Question};
use extism::Extism;
use native::Native;
use regorus::Regorus;
use turnout::{Fresh, Turnout};

/// How often each is measured.
const ROUNDS: usize = 21;

/// Who is asked about: one whom the rule lists, and one whom it does not.
const SUBJECTS: [(&str, &str); 2] = [("listed", "89686484488"), ("not listed", "89990000000")];

/// One of those who are measured.
struct Measured {
    name: &'static str,
    decisions: Box<dyn Decisions>,
    /// How many calls one measurement takes.
    calls: u32,
}

fn main() -> Result<()> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(policies), Some(plugins)) = (folders.next(), folders.next()) else {
        return Err(anyhow!(
            "name the folders of the policies and of the plugins, or run `cargo xtask bench --peers`"
        ));
    };
    let measured = |name, decisions, calls| Measured { name, decisions, calls };
    let mut all = [
        measured(
            "Turnout",
            Box::new(Turnout::new(&policies)?) as Box<dyn Decisions>,
            20_000,
        ),
        measured("native function", Box::new(Native::new()?), 20_000),
        measured("Extism", Box::new(Extism::new(&plugins)?), 5_000),
        measured("Regorus, bytecode", Box::new(Regorus::machine()?), 5_000),
        measured("Regorus, interpreter", Box::new(Regorus::interpreter()?), 5_000),
        measured(
            "Turnout, fresh instances",
            Box::new(Fresh(Turnout::new(&policies)?)),
            500,
        ),
    ];
    println!("medians of {ROUNDS} rounds in turns, in µs [least … greatest], and how many times Turnout's");
    let rule = SubjectRule::for_region("RU").context("no region RU")?;
    for question in Question::ALL {
        for (which, phone) in SUBJECTS {
            println!("\n{}, {which}", question.words());
            compare(question, &rule.normalise(phone)?, &mut all)?;
        }
    }
    Ok(())
}

/// Measures one question. The first of `all` is what the others are compared with.
fn compare(question: Question, subject: &Subject, all: &mut [Measured]) -> Result<()> {
    let expected = question.ask(&mut *all[0].decisions, subject)?;
    for Measured { name, decisions, .. } in &mut *all {
        let answer = question.ask(&mut **decisions, subject)?;
        ensure!(answer == expected, "{name} decides {answer:?}, Turnout {expected:?}");
    }
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for (Measured { decisions, calls, .. }, times) in all.iter_mut().zip(&mut times) {
            let began = Instant::now();
            for _ in 0..*calls {
                black_box(question.ask(&mut **decisions, black_box(subject))?);
            }
            times.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(*calls));
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let median = |times: &[f64]| times[ROUNDS / 2];
    let ours = median(&times[0]);
    for (Measured { name, .. }, times) in all.iter().zip(&times) {
        println!(
            "  {name:<26}{:>9.3} [{:.3} … {:.3}]{:>9.2} ×",
            median(times),
            times[0],
            times[ROUNDS - 1],
            median(times) / ours,
        );
    }
    Ok(())
}
