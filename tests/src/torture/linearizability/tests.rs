use rand::RngExt;
use rand::seq::IndexedRandom;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::super::dice::dice;
use super::super::history::{Entry, History, Outcome};
use super::super::spec::{Reply, Row, Step};
use super::is_linearizable;

/// An operation that was invoked and answered at these moments.
fn done(invoked: u64, answered: u64, step: Step, reply: Reply) -> Entry {
    Entry {
        invoked,
        step,
        outcome: Outcome::Done(answered, reply),
    }
}

fn read(invoked: u64, answered: u64, seen: Option<u64>) -> Entry {
    done(invoked, answered, Step::Read, Reply::Was(seen))
}

fn in_doubt(invoked: u64, step: Step) -> Entry {
    Entry {
        invoked,
        step,
        outcome: Outcome::InDoubt,
    }
}

fn refused(invoked: u64, step: Step) -> Entry {
    Entry {
        invoked,
        step,
        outcome: Outcome::Refused,
    }
}

#[test]
fn good_histories_are_explained() {
    use Reply::{Changed, Inserted, Missed, Taken, Was};
    use Step::{Delete, Insert, Update, Upsert};
    for (what, history) in [
        ("an empty one", vec![]),
        (
            "one after the other",
            vec![
                done(0, 1, Insert(1), Inserted),
                done(2, 3, Insert(2), Taken),
                done(4, 5, Upsert(3), Changed),
                done(6, 7, Delete, Was(Some(3))),
                done(8, 9, Update(4), Missed),
                done(10, 11, Delete, Was(None)),
                read(12, 13, None),
            ],
        ),
        (
            "two at once, the later question done first",
            vec![
                done(0, 3, Update(1), Changed),
                done(1, 2, Insert(2), Inserted),
                read(4, 5, Some(1)),
            ],
        ),
        (
            "in doubt and never done",
            vec![in_doubt(0, Insert(1)), read(1, 2, None), read(3, 4, None)],
        ),
        (
            "in doubt and done late",
            vec![
                in_doubt(0, Upsert(1)),
                done(1, 2, Insert(2), Inserted),
                read(3, 4, Some(2)),
                read(5, 6, Some(1)),
            ],
        ),
        ("refused and not done", vec![refused(0, Insert(1)), read(1, 2, None)]),
        (
            "seen before it is answered",
            vec![done(0, 5, Insert(1), Inserted), read(1, 2, Some(1))],
        ),
    ] {
        assert!(is_linearizable(&history), "{what}: {history:?}");
    }
}

#[test]
fn wrong_histories_are_not_explained() {
    use Reply::{Changed, Inserted, Missed, Taken, Was};
    use Step::{Delete, Insert, Update, Upsert};
    for (what, history) in [
        (
            "an acknowledged write is lost",
            vec![done(0, 1, Insert(1), Inserted), read(2, 3, None)],
        ),
        (
            "an acknowledged change is lost",
            vec![
                done(0, 1, Insert(1), Inserted),
                done(2, 3, Update(2), Changed),
                read(4, 5, Some(1)),
            ],
        ),
        (
            "a removed row comes back",
            vec![
                done(0, 1, Insert(1), Inserted),
                done(2, 3, Delete, Was(Some(1))),
                read(4, 5, Some(1)),
            ],
        ),
        (
            "a refused write is there",
            vec![refused(0, Insert(1)), read(1, 2, Some(1))],
        ),
        ("a value from nowhere", vec![read(0, 1, Some(9))]),
        (
            "seen before it was asked for",
            vec![read(0, 1, Some(1)), done(2, 3, Insert(1), Inserted)],
        ),
        (
            "a stale read",
            vec![
                done(0, 1, Insert(1), Inserted),
                done(2, 6, Upsert(2), Changed),
                read(3, 4, Some(2)),
                read(5, 7, Some(1)),
            ],
        ),
        (
            "in doubt and done twice",
            vec![
                in_doubt(0, Upsert(1)),
                read(1, 2, Some(1)),
                done(3, 4, Upsert(2), Changed),
                read(5, 6, Some(1)),
            ],
        ),
        (
            "two inserts of one row",
            vec![done(0, 1, Insert(1), Inserted), done(2, 3, Insert(2), Inserted)],
        ),
        (
            "an insert finds a row that is not there",
            vec![done(0, 1, Insert(1), Taken)],
        ),
        (
            "an update misses a row that is there",
            vec![done(0, 1, Insert(1), Inserted), done(2, 3, Update(2), Missed)],
        ),
        (
            "two authorities at once",
            vec![
                done(0, 1, Insert(1), Inserted),
                done(2, 3, Update(2), Changed),
                done(4, 5, Update(3), Changed),
                read(6, 7, Some(2)),
                read(8, 9, Some(3)),
            ],
        ),
    ] {
        assert!(!is_linearizable(&history), "{what}: {history:?}");
    }
}

/// Without the memory of visited places, many operations in doubt would take forever.
#[test]
fn doubts_do_not_make_it_slow() {
    let mut history: History = (0..14).map(|n| in_doubt(n, Step::Upsert(n))).collect();
    for n in 0..40 {
        let at = 100 + 2 * n;
        history.push(done(at, at + 1, Step::Upsert(at), Reply::Changed));
    }
    assert!(is_linearizable(&history[..15]));
    history.push(read(1_000, 1_001, Some(999)));
    assert!(!is_linearizable(&history));
}

impl SequentialSpec for Row {
    type Op = Step;
    type Ret = Reply;

    fn invoke(&mut self, step: &Step) -> Reply {
        self.step(*step)
    }
}

/// The answer of Stateright's checker, which is slow and well tried, for small histories.
fn stateright_says(history: &[Entry], moments: u64) -> bool {
    let mut tester = LinearizabilityTester::new(Row::default());
    for moment in 0..moments {
        // To Stateright an operation in doubt is one that never returns. Each operation has a caller of its own.
        for (caller, entry) in history.iter().enumerate() {
            if entry.invoked == moment && entry.outcome != Outcome::Refused {
                tester.on_invoke(caller, entry.step).unwrap();
            }
            if let Outcome::Done(answered, reply) = entry.outcome
                && answered == moment
            {
                tester.on_return(caller, reply).unwrap();
            }
        }
    }
    tester.is_consistent()
}

#[test]
fn the_checker_agrees_with_stateright_on_random_histories() {
    const OPERATIONS: u64 = 6;
    let (mut good, mut wrong) = (0, 0);
    for seed in 0..5_000 {
        let mut dice = dice(seed, 0);
        let mut row = Row::default();
        let mut history = History::new();
        for number in 0..OPERATIONS {
            let steps = [
                Step::Insert(number),
                Step::Upsert(number),
                Step::Update(number),
                Step::Delete,
                Step::Read,
            ];
            let step = *steps.choose(&mut dice).unwrap();
            let invoked = 4 * number;
            let reply = row.step(step);
            // Most operations get the right answer. Long operations overlap with those that follow.
            let outcome = match dice.random_range(0..12) {
                0 => Outcome::InDoubt,
                1 => Outcome::Refused,
                2 => Outcome::Done(
                    invoked + 1,
                    *[Reply::Inserted, Reply::Missed, Reply::Was(None)]
                        .choose(&mut dice)
                        .unwrap(),
                ),
                3..6 => Outcome::Done(invoked + 10 + number % 2, reply),
                _ => Outcome::Done(invoked + 1, reply),
            };
            history.push(Entry { invoked, step, outcome });
        }
        let expected = stateright_says(&history, 4 * OPERATIONS + 16);
        assert_eq!(is_linearizable(&history), expected, "{history:?}");
        if expected { good += 1 } else { wrong += 1 }
    }
    assert!(
        good > 500 && wrong > 500,
        "{good} good, {wrong} wrong: too few of one kind to say anything"
    );
}
